//! The lists of what is measured: `benches/programs/sequential.tsv` and `concurrency.tsv`.

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

fn lines(path: &Path) -> Result<Vec<Vec<String>>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect())
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
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
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
