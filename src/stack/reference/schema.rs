//! The reference as a JSON Schema (draft 7, which editors and validators understand best): an editor completes the keys
//! with it and marks mistakes while they are typed. `stackdeb check` knows more: files, names that are taken, and what
//! one value means for another.

use serde_json::{Map, Value, json};

use super::DOCUMENT;
use super::key::{Form, Key, Missing, Section, ValueKind, Words};

/// What the file with the schema is called in a new project: editors find it by the first line of stack.toml.
pub const SCHEMA_FILE: &str = "stack.schema.json";

/// The schema as the text of a file.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

pub(super) fn schema() -> Value {
    let mut schema = object(&DOCUMENT, Required::Asked);
    schema.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("title".to_owned(), json!("stack.toml"));
    schema.insert("description".to_owned(), json!(DOCUMENT.meaning));
    Value::Object(schema)
}

/// Whether a table must have the keys that are required.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Required {
    Asked,
    /// It changes another table, which has them: it is a part of a variant.
    HadBefore,
}

/// A table with known keys.
fn object(section: &Section, required_keys: Required) -> Map<String, Value> {
    let of_variant = required_keys == Required::HadBefore;
    let keys = section.keys.iter().filter(|key| !(of_variant && matches!(key.kind, ValueKind::Variants { .. })));
    let properties: Map<String, Value> = keys.map(|key| (key.name.to_owned(), property(key, required_keys))).collect();
    let required: Vec<&str> =
        section.keys.iter().filter(|key| matches!(key.missing, Missing::Refused)).map(|key| key.name).collect();
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("object"));
    object.insert("additionalProperties".to_owned(), json!(false));
    object.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() && !of_variant {
        object.insert("required".to_owned(), json!(required));
    }
    object
}

fn property(key: &Key, required: Required) -> Value {
    let mut property = match &key.kind {
        ValueKind::Text(form) => text(form),
        ValueKind::Word(words) => word(words),
        ValueKind::WordOrTable(words, section) => fields(json!({ "anyOf": [word(words), object(section, required)] })),
        ValueKind::Number { least, most } => fields(json!({ "type": "integer", "minimum": least, "maximum": most })),
        ValueKind::Flag => fields(json!({ "type": "boolean" })),
        ValueKind::Texts { form, empty } => fields(json!({
            "type": "array",
            "items": text(form),
            "minItems": u8::from(!empty),
        })),
        ValueKind::TextsOrWord { form, word } => fields(json!({
            "anyOf": [{ "const": word }, { "type": "array", "items": text(form) }],
        })),
        // Validators hand a date of TOML on as a string.
        ValueKind::Date => fields(json!({ "type": "string", "format": "date-time" })),
        ValueKind::Variables => fields(json!({
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z_][0-9A-Za-z_]*$" },
            "additionalProperties": { "type": "string", "pattern": "^[^\\n\\r\\u0000]*$" },
        })),
        ValueKind::Table(section) => object(section, required),
        ValueKind::TableOrTables { first, further } => fields(json!({ "anyOf": [object(first, required), {
            "type": "array",
            "minItems": 1,
            "items": [object(first, Required::Asked)],
            "additionalItems": object(further, Required::Asked),
        }] })),
        ValueKind::Tables(section) => {
            let least = u8::from(matches!(key.missing, Missing::Refused));
            // A list replaces another one, so that its tables are whole in a variant as well.
            fields(json!({ "type": "array", "minItems": least, "items": object(section, Required::Asked) }))
        }
        ValueKind::NamedTables { section, name } => fields(json!({
            "type": "object",
            "propertyNames": { "pattern": name.pattern },
            "additionalProperties": object(section, required),
        })),
        ValueKind::Variants { name } => fields(json!({
            "type": "object",
            "propertyNames": { "pattern": name.pattern },
            "additionalProperties": object(&DOCUMENT, Required::HadBefore),
        })),
    };
    property.insert("description".to_owned(), json!(key.meaning));
    if required == Required::HadBefore {
        // What holds without the key is the value of the stack, and not the default.
        return Value::Object(property);
    }
    match key.missing {
        Missing::Text(text) => property.insert("default".to_owned(), json!(text)),
        Missing::Number(number) => property.insert("default".to_owned(), json!(number)),
        Missing::Texts(texts) => property.insert("default".to_owned(), json!(texts)),
        Missing::Refused | Missing::Described(_) => None,
    };
    if let Some(example) = example(key) {
        property.insert("examples".to_owned(), json!([example]));
    }
    Value::Object(property)
}

fn text(form: &Form) -> Map<String, Value> {
    fields(json!({ "type": "string", "pattern": form.pattern }))
}

/// Editors offer the members of an `enum`.
fn word(words: &Words) -> Map<String, Value> {
    let known = (words.known)();
    fields(match words.others {
        Some(pattern) => json!({ "anyOf": [{ "enum": known }, { "type": "string", "pattern": pattern }] }),
        None => json!({ "enum": known }),
    })
}

/// Parses the example of a key and returns the value without the key.
fn example(key: &Key) -> Option<Value> {
    key.example_value().as_ref().map(json)
}

/// A value of TOML as a validator sees it.
pub(crate) fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(truth) => json!(truth),
        toml::Value::Datetime(date) => json!(date.to_string()),
        toml::Value::Array(values) => values.iter().map(json).collect(),
        toml::Value::Table(entries) => entries.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
    }
}

/// The members of an object that a literal wrote.
fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
