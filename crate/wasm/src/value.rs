//! What goes out to TypeScript: plain objects. They are JavaScript's from the start: a tree in Rust, serialised as a whole,
//! would take a kilobyte of WebAssembly more.

use godoty_core::auth::Account;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;

const SERIALIZER: Serializer = Serializer::json_compatible();

#[wasm_bindgen]
unsafe extern "C" {
    /// What takes any property.
    type Fresh;

    /// `object[name] = value`. On a fresh object it can't fail.
    #[wasm_bindgen(method, indexing_setter)]
    fn set(this: &Fresh, name: &str, value: JsValue);
}

/// A value of a plain object.
pub(crate) struct Value(JsValue);

/// A plain object that is being put together. What is `None` is left out.
pub(crate) struct Object(js_sys::Object);

impl Object {
    pub(crate) fn new() -> Self {
        Self(js_sys::Object::new())
    }

    /// With a member.
    pub(crate) fn with(self, name: &'static str, value: impl Into<Value>) -> Self {
        self.set(name, value.into());
        self
    }

    /// With a member, if there is one.
    pub(crate) fn with_some<T: Into<Value>>(self, name: &'static str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Not generic, for the sake of the WebAssembly's size.
    fn set(&self, name: &str, value: Value) {
        self.0.unchecked_ref::<Fresh>().set(name, value.0);
    }

    /// The object in JavaScript.
    pub(crate) fn into_js(self) -> JsValue {
        self.0.into()
    }
}

impl Value {
    /// A text, a number or a truth value.
    fn of(value: &(impl Serialize + ?Sized)) -> Self {
        // None of these fails.
        Self(value.serialize(&SERIALIZER).unwrap_or(JsValue::UNDEFINED))
    }

    /// The value in JavaScript.
    pub(crate) fn into_js(self) -> JsValue {
        self.0
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::of(&value)
    }
}

impl From<u64> for Value {
    /// What is above 2⁵³ is rounded: a server may name any number.
    fn from(value: u64) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "JavaScript has no other numbers"
        )]
        let number = value as f64;
        Self::of(&number)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::of(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        value.as_str().into()
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Self>>(values: I) -> Self {
        let list = js_sys::Array::new();
        for value in values {
            list.push(&value.0);
        }
        Self(list.into())
    }
}

impl From<Vec<Self>> for Value {
    fn from(values: Vec<Self>) -> Self {
        values.into_iter().collect()
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self(object.into_js())
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
