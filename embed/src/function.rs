//! Rust closures as functions that scripts call.

use crate::convert::{FromValue, IntoValue};
use crate::{Error, Value};
use corella_vm::host::{Context, HostError, Thrown};
use std::sync::Arc;

/// A host function without its types.
pub(crate) type Raw = Arc<dyn Fn(&mut Context<'_>, Vec<Value>) -> Result<Value, HostError> + Send + Sync>;

/// A closure that can be given to [`Builder::function`](crate::Builder::function): up to six parameters of types that
/// implement [`FromValue`], a result that implements [`IntoReturn`]. Trailing `Option` parameters may be left out by the caller.
pub trait HostFunction<Parameters>: Send + Sync + 'static {
    /// Fewest and most arguments.
    fn arity() -> (u8, u8);

    /// Calls it.
    ///
    /// # Errors
    /// What the script is to be thrown.
    fn call(&self, name: &str, args: Vec<Value>) -> Result<Value, Error>;
}

/// What a host function may return: a value, or a `Result` whose error becomes a script error. A [`crate::ScriptError`] inside an
/// [`Error::Script`] is thrown as the class that it names; any other error as an `Error` with its text.
pub trait IntoReturn {
    /// The value, or the error to throw.
    ///
    /// # Errors
    /// What the script is to be thrown.
    fn into_return(self) -> Result<Value, Error>;
}

impl<T: IntoValue> IntoReturn for T {
    fn into_return(self) -> Result<Value, Error> {
        Ok(self.into_value())
    }
}

impl<T: IntoValue, E: Into<Box<dyn std::error::Error + Send + Sync>>> IntoReturn for Result<T, E> {
    fn into_return(self) -> Result<Value, Error> {
        match self {
            Ok(value) => Ok(value.into_value()),
            Err(error) => Err(match error.into().downcast::<Error>() {
                Ok(ours) => *ours,
                Err(other) => Error::Refused(other.to_string()),
            }),
        }
    }
}

/// What the VM is to throw for an error of a host function.
pub(crate) fn to_throw(error: Error) -> HostError {
    let throw = |class: &str, message: String| {
        HostError::Thrown(Thrown {
            class: class.to_owned(),
            message,
            trace: String::new(),
            report: String::new(),
            value: Box::default(),
        })
    };
    match error {
        Error::Script(thrown) => HostError::Thrown(*thrown),
        Error::Exit(status) => HostError::Exit(status),
        Error::Type(message) => throw("TypeError", message),
        other => throw("Error", other.to_string()),
    }
}

macro_rules! functions {
    ($(($($name:ident)*))*) => {$(
        impl<Function, Return, $($name),*> HostFunction<($($name,)*)> for Function
        where
            Function: Fn($($name),*) -> Return + Send + Sync + 'static,
            Return: IntoReturn,
            $($name: FromValue,)*
        {
            fn arity() -> (u8, u8) {
                let optional: &[bool] = &[$($name::OPTIONAL),*];
                let required = optional.iter().rposition(|optional| !optional).map_or(0, |last| last + 1);
                (required as u8, optional.len() as u8)
            }

            #[allow(non_snake_case, unused_variables, unused_mut, unused_assignments)]
            fn call(&self, name: &str, args: Vec<Value>) -> Result<Value, Error> {
                let mut args = args.into_iter();
                let mut number = 0;
                $(
                    number += 1;
                    let $name = $name::from_value(args.next().unwrap_or_default())
                        .map_err(|wrong| Error::Type(format!("{name}: argument {number}: {wrong}")))?;
                )*
                self($($name),*).into_return()
            }
        }
    )*};
}

functions! {
    ()
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
}
