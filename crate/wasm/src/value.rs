//! What goes out to TypeScript: plain objects. They are JavaScript's from the start, so that no tree is built first.

use alloc::string::String;
use alloc::vec::Vec;

use godoty_core::auth::Account;
use js_sys::Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
unsafe extern "C" {
    /// What takes any property.
    pub(crate) type Fresh;

    /// `object[name] = value`. On a fresh object it can't fail.
    #[wasm_bindgen(method, indexing_setter)]
    pub(crate) fn set(this: &Fresh, name: &str, value: JsValue);
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
    pub(crate) fn with(self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value.into());
        self
    }

    /// With a member, if there is one.
    pub(crate) fn with_some<T: Into<Value>>(self, name: &str, value: Option<T>) -> Self {
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
    /// The value in JavaScript.
    pub(crate) fn into_js(self) -> JsValue {
        self.0
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self(JsValue::from_bool(value))
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "the one thing that JavaScript can't hold is a count above 2⁵³, and none comes near"
        )]
        Self(JsValue::from_f64(value as f64))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self(JsValue::from_str(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        value.as_str().into()
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Self>>(values: I) -> Self {
        let list = Array::new();
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
