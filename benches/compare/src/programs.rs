//! The lists of what is measured: `benches/programs/sequential.tsv`, `concurrency.tsv` and `jit.tsv`.

use std::path::Path;

/// A sequential program.
#[derive(Clone, Debug)]
pub struct Program {
    pub name: String,
    pub size: String,
    pub quick: String,
    pub what: String,
}

/// A measure of concurrency with its runs.
#[derive(Clone, Debug)]
pub struct Measure {
    pub id: String,
    pub title: String,
    /// Names of fields; the first is compared.
    pub fields: Vec<String>,
    /// Whether more is better.
    pub more: bool,
    pub runs: Vec<MeasureRun>,
}

/// One way of running a measure.
#[derive(Clone, Debug)]
pub struct MeasureRun {
    pub label: String,
    /// Which tool, and after a colon on how many threads.
    pub runner: String,
    pub arguments: Vec<String>,
    pub quick: Vec<String>,
}

/// A sequential program that is run again and again in one process.
#[derive(Clone, Debug)]
pub struct Repeated {
    pub name: String,
    /// Arguments of a run that takes 5 to 50 ms once it is warm.
    pub warm: Vec<String>,
    /// Arguments of a shorter run, to see it warm up.
    pub warming: Vec<String>,
    pub quick: Vec<String>,
}

/// A program that is measured against the same in Rust.
#[derive(Clone, Debug)]
pub struct Native {
    pub name: String,
    /// Where the script is.
    pub folder: String,
    pub arguments: Vec<String>,
    pub quick: Vec<String>,
    pub what: String,
}

fn lines(path: &Path) -> Result<Vec<Vec<String>>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The sequential programs.
pub fn sequential(benches: &Path) -> Result<Vec<Program>, String> {
    lines(&benches.join("programs/sequential.tsv"))?
        .into_iter()
        .map(|fields| match <[String; 4]>::try_from(fields) {
            Ok([name, size, quick, what]) => Ok(Program { name, size, quick, what }),
            Err(fields) => Err(format!("sequential.tsv: not four fields: {fields:?}")),
        })
        .collect()
}

/// The measures of concurrency.
pub fn concurrency(benches: &Path) -> Result<Vec<Measure>, String> {
    let mut measures: Vec<Measure> = Vec::new();
    for fields in lines(&benches.join("programs/concurrency.tsv"))? {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        match fields[..] {
            ["measure", id, title, names] => measures.push(Measure {
                id: id.into(),
                title: title.into(),
                fields: words(names.trim_start_matches('+')),
                more: names.starts_with('+'),
                runs: Vec::new(),
            }),
            ["run", id, label, runner, full, quick] => match measures.last_mut() {
                Some(measure) if measure.id == id => measure.runs.push(MeasureRun {
                    label: label.into(),
                    runner: runner.into(),
                    arguments: words(full),
                    quick: words(quick),
                }),
                _ => return Err(format!("concurrency.tsv: a run of {id} outside its measure")),
            },
            _ => return Err(format!("concurrency.tsv: not a measure or run: {fields:?}")),
        }
    }
    Ok(measures)
}

/// What is measured of machine code.
pub fn jit(benches: &Path) -> Result<(Vec<Repeated>, Vec<Native>), String> {
    let (mut repeated, mut native) = (Vec::new(), Vec::new());
    for fields in lines(&benches.join("programs/jit.tsv"))? {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        match fields[..] {
            ["repeated", name, warm, warming, quick] => repeated.push(Repeated {
                name: name.into(),
                warm: words(warm),
                warming: words(warming),
                quick: words(quick),
            }),
            ["native", name, folder, arguments, quick, what] => native.push(Native {
                name: name.into(),
                folder: folder.into(),
                arguments: words(arguments),
                quick: words(quick),
                what: what.into(),
            }),
            _ => return Err(format!("jit.tsv: neither repeated nor native: {fields:?}")),
        }
    }
    Ok((repeated, native))
}
