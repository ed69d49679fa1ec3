//! A rules engine: the rules are a script that is compiled once; the host calls it for every order with typed values, within
//! limits of memory and work, and goes on after a rule that is wrong or never ends.
//!
//! Run it with `cargo run -p corella --example config_rules`.

use corella::{Args, Engine, Error, FromValue, IntoValue, Module, Script, Value, Vm, WrongType};
use std::collections::HashMap;

const RULES: &str = r#"
    const SHIPPING = 4.9;
    var discount = 0.0;         // the host sets it

    /// What an order costs, and why.
    function price(order) {
        var notes = [];
        float sum = 0.0;
        for (item in order["items"]) {
            sum += item["price"] * item["count"];
            if (item["count"] >= 10) notes.push(`bulk: ${item["name"]}`);
        }
        if (discount > 0.0) {
            sum *= 1.0 - discount;
            notes.push(`discount ${int(discount * 100.0)}%`);
        }
        if (sum < 50.0) sum += SHIPPING;
        if (is_blocked(order["country"])) throw new ValueError(`no delivery to ${order["country"]}`);
        return {sum: sum, notes: notes};
    }

    function hang() { while (true) {} }
    function hoard() { var all = []; while (true) all.push([1, 2, 3]); }
"#;

/// One line of an order. The host's own types become script values by a small implementation.
#[derive(Clone, Debug)]
struct Item {
    name: String,
    price: f64,
    count: i64,
}

impl IntoValue for Item {
    fn into_value(self) -> Value {
        Value::Map(vec![
            ("name".into_value(), self.name.into_value()),
            ("price".into_value(), self.price.into_value()),
            ("count".into_value(), self.count.into_value()),
        ])
    }
}

/// What the rules say about an order; made from the map that they return.
#[derive(Clone, Debug, PartialEq)]
struct Quote {
    sum: f64,
    notes: Vec<String>,
}

impl FromValue for Quote {
    fn from_value(value: Value) -> Result<Self, WrongType> {
        let mut fields = HashMap::<String, Value>::from_value(value)?;
        let mut field = |name| fields.remove(name).unwrap_or_default();
        Ok(Quote { sum: f64::from_value(field("sum"))?, notes: Vec::from_value(field("notes"))? })
    }
}

/// What one call may cost.
const FUEL: u64 = 200_000;
const MEMORY: usize = 16 << 20;

/// The rules, loaded into a VM.
struct Rules {
    vm: Vm,
    module: Module,
}

impl Rules {
    fn new(engine: &Engine, script: &Script) -> Result<Rules, Error> {
        let mut vm = engine.vm()?;
        let module = vm.load(script)?;
        Ok(Rules { vm, module })
    }

    fn price(&mut self, country: &str, items: Vec<Item>) -> Result<Quote, Error> {
        let order = HashMap::from([("country", country.into_value()), ("items", items.into_value())]);
        self.call("price", (order,))
    }

    fn call<T: FromValue>(&mut self, name: &str, args: impl Args) -> Result<T, Error> {
        // Every call gets the same allowance.
        self.vm.set_fuel(FUEL);
        self.vm.call(&self.module, name, args)
    }

    fn set_discount(&mut self, discount: f64) -> Result<(), Error> {
        self.vm.set(&self.module, "discount", discount)
    }
}

/// Prices some orders; gives what became of each.
pub(crate) fn price_orders() -> Result<Vec<String>, Error> {
    let engine = Engine::builder()
        .fuel_limit(FUEL)
        .memory_limit(MEMORY)
        .function("is_blocked", |country: String| country == "Atlantis")
        .build();
    let script = engine.compile("rules.cor", RULES)?;
    let mut rules = Rules::new(&engine, &script)?;
    let item = |name: &str, price, count| Item { name: name.to_owned(), price, count };
    let show = |quote: Quote| format!("{:.2} {:?}", quote.sum, quote.notes);
    let mut lines = Vec::new();

    lines.push(rules.price("Norway", vec![item("pen", 1.5, 12), item("ink", 8.0, 1)]).map(show));
    rules.set_discount(0.25)?;
    lines.push(rules.price("Norway", vec![item("desk", 200.0, 1)]).map(show));
    lines.push(rules.price("Atlantis", vec![item("pearl", 1.0, 1)]).map(show));
    // Rules that run wild are errors like others, and the VM stays usable.
    lines.push(rules.call::<()>("hang", ()).map(|()| "hang returned".into()));
    lines.push(rules.call::<()>("hoard", ()).map(|()| "hoard returned".into()));
    lines.push(rules.price("Norway", vec![item("pen", 1.5, 2)]).map(show));
    Ok(lines.into_iter().map(|line| line.unwrap_or_else(|error| format!("refused: {error}"))).collect())
}

#[allow(dead_code)] // the tests call `price_orders`
fn main() -> Result<(), Error> {
    for line in price_orders()? {
        println!("{line}");
    }
    Ok(())
}
