//! A table of a crate's metadata, as cargo gives it: JSON → typed values, or the error that names the key.

use serde_json::{Map, Value};

use super::CargoError;
use crate::stack::nearest;

/// A table, and the place that errors name.
#[derive(Debug, Clone)]
pub(super) struct CargoTable {
    /// The manifest's path and the table's name: `/src/shop/Cargo.toml, [package.metadata.deb]`.
    pub(super) place: String,
    pub(super) values: Map<String, Value>,
}

impl CargoTable {
    pub(super) fn new(place: impl Into<String>, value: &Value) -> Result<Self, CargoError> {
        let place = place.into();
        match value {
            Value::Object(values) => Ok(Self { place, values: values.clone() }),
            other => Err(CargoError::new(place, format!("this is {}, not a table", kind(other)), "write a table")),
        }
    }

    pub(super) fn place_of(&self, key: &str) -> String {
        format!("{}, {key}", self.place)
    }

    /// Fails on the first key that is not `known`.
    pub(super) fn check_keys(&self, known: &[&str]) -> Result<(), CargoError> {
        let Some(unknown) = self.values.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
        let hint = match nearest(unknown, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the keys are: {}", known.join(", ")),
        };
        Err(CargoError::new(&self.place, format!("there is no key `{unknown}`"), hint))
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, CargoError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(key, other, "a text")),
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &str) -> Result<String, CargoError> {
        let missing = || CargoError::new(&self.place, format!("the key `{key}` is missing"), format!("add `{key}`"));
        self.text(key)?.ok_or_else(missing)
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, CargoError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong(key, other, "true or false")),
        }
    }

    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, CargoError> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        let all = value.as_array().and_then(|list| list.iter().map(|one| one.as_str().map(str::to_owned)).collect());
        all.map(Some).ok_or_else(|| self.wrong(key, value, "a list of texts"))
    }

    /// A list of relations: one text, or a list whose members are joined with commas.
    pub(super) fn joined(&self, key: &str) -> Result<Option<String>, CargoError> {
        match self.values.get(key) {
            Some(Value::Array(_)) => Ok(self.texts(key)?.map(|texts| texts.join(", "))),
            _ => self.text(key),
        }
    }

    pub(super) fn table(&self, key: &str) -> Result<Option<Self>, CargoError> {
        self.values.get(key).map(|value| Self::new(self.place_of(key), value)).transpose()
    }

    pub(super) fn wrong(&self, key: &str, found: &Value, wanted: &str) -> CargoError {
        CargoError::new(self.place_of(key), format!("this is {}, not {wanted}", kind(found)), format!("write {wanted}"))
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}
