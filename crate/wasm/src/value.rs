//! What goes out to TypeScript: plain objects, built as one kind of tree.
//!
//! One type with one `Serialize` takes a third of the WebAssembly that a derived one for each shape would.

use godoty_core::auth::Account;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use wasm_bindgen::JsValue;

/// A value of a plain object.
pub(crate) enum Value {
    Bool(bool),
    Number(u64),
    Text(String),
    List(Vec<Value>),
    Object(Object),
}

/// A plain object that is being put together. What is `None` is left out.
#[derive(Default)]
pub(crate) struct Object(Vec<(&'static str, Value)>);

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// With a member.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// With a member, if there is one.
    pub(crate) fn with_some<T: Into<Value>>(self, name: &'static str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The object in JavaScript.
    pub(crate) fn into_js(self) -> JsValue {
        Value::Object(self).into_js()
    }
}

impl Value {
    /// The value in JavaScript.
    pub(crate) fn into_js(self) -> JsValue {
        // The one thing that JavaScript can't hold is a count above 2⁵³, and none comes near.
        self.serialize(&serde_wasm_bindgen::Serializer::json_compatible())
            .unwrap_or(JsValue::UNDEFINED)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => serializer.serialize_u64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(values) => serializer.collect_seq(values),
            Self::Object(Object(members)) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self::List(values)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

/// An object with a `kind`, by which TypeScript tells the members of a union apart.
pub(crate) fn kind(kind: &'static str) -> Object {
    Object::new().with("kind", kind)
}

impl From<&Account> for Object {
    fn from(account: &Account) -> Self {
        Self::new()
            .with("sessionId", account.session_id.as_str())
            .with("userId", account.user_id.as_str())
            .with("email", account.email.as_str())
    }
}
