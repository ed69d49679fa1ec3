//! Words from other languages, and what they are called here. Used where a parse error is explained and where a name is not found.

/// The help for a name that does not exist, if it is known from another language.
pub fn for_unknown_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "nil" | "None" | "undefined" | "NULL" | "Null" | "nullptr" => "write `null`",
        "True" | "TRUE" => "write `true`",
        "False" | "FALSE" => "write `false`",
        "this" | "Self" => "the object that a method works on is called `self`",
        "str" | "String" => "the type of strings is called `string`",
        "boolean" | "Boolean" | "Bool" => "the type of truth values is called `bool`",
        "integer" | "Integer" | "Int" | "long" => "the type of whole numbers is called `int`",
        "double" | "Number" | "Float" => "the type of floating-point numbers is called `float`",
        "dict" | "Dict" | "Object" | "HashMap" => {
            "the type of key-value tables is called `Map`, and is written {key: value}"
        }
        "list" | "List" | "Vec" => "the type of lists is called `Array`, and is written [a, b, c]",
        "not" => "write `!`",
        "and" => "write `&&`",
        "or" => "write `||`",
        "elif" | "elsif" | "elseif" => "write `else if`",
        "let" | "local" => "write `var`",
        "def" | "fn" | "func" | "fun" | "lambda" => "write `function`, or `x => ...` for a short one",
        "echo" | "puts" | "printf" | "println" => "write `print(...)`",
        "typeof" => "use `is` to test a type: `x is Account`",
        "foreach" => "write `for (x in xs)`",
        "raise" => "write `throw`",
        "except" | "rescue" => "write `catch`",
        "require" | "include" | "use" => "write `import`",
        _ => return None,
    })
}

/// Words that declare variables elsewhere.
pub(crate) fn is_variable_word(word: &str) -> bool {
    matches!(word, "let" | "local" | "val" | "my" | "auto" | "mut")
}

/// Words that declare functions elsewhere.
pub(crate) fn is_function_word(word: &str) -> bool {
    matches!(word, "def" | "fn" | "func" | "fun" | "sub" | "proc")
}

/// Words for `else if` elsewhere.
pub(crate) fn is_else_if_word(word: &str) -> bool {
    matches!(word, "elif" | "elsif" | "elseif" | "elsef")
}
