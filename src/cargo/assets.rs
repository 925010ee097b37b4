//! The key `assets`: which file goes where, with which mode. Lists and tables of the metadata → [`AssetKey`]s.

use serde_json::Value;

use super::CargoError;
use super::table::{CargoTable, kind};

const FILE_KEYS: [&str; 4] = ["source", "dest", "mode", "preserve_symlinks"];
const LINK_KEYS: [&str; 2] = ["dest", "link_name"];
const FORMS: &str = "write `[\"SOURCE\", \"DEST\", \"MODE\"]`, a table with `source`, `dest` and `mode`, a table with `dest` \
                     and `link_name`, or `\"$auto\"`";

/// One entry of `assets`: a list of three texts, or a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AssetKey {
    /// `$auto`: the programs that cargo builds, and the README.
    Auto,
    /// A file, or all files of a pattern.
    Files {
        /// A path or a pattern, relative to the crate's folder.
        source: String,
        /// A path in the package, with or without a `/` before it. With a `/` at its end it is a folder.
        dest: String,
        /// The mode of the source when it is left out.
        mode: Option<u32>,
        preserve_symlinks: Option<bool>,
    },
    /// A symbolic link that the package makes.
    Link { dest: String, target: String },
}

impl AssetKey {
    /// The list of a key; `None` if it is left out.
    pub(super) fn list(table: &CargoTable, key: &str) -> Result<Option<Vec<Self>>, CargoError> {
        let place = table.place_of(key);
        match table.values.get(key) {
            None => Ok(None),
            Some(Value::Array(list)) => {
                list.iter().map(|one| Self::read(one, &place)).collect::<Result<_, _>>().map(Some)
            }
            Some(other) => Err(table.wrong(key, other, "a list")),
        }
    }

    fn read(value: &Value, place: &str) -> Result<Self, CargoError> {
        let wrong = |what: String| CargoError::new(place, what, FORMS);
        match value {
            Value::String(text) if text == "$auto" => Ok(Self::Auto),
            Value::Array(list) => {
                let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                match texts.as_deref() {
                    Some([source, dest]) => Self::files(source, dest, None, None, place),
                    Some([source, dest, mode]) => Self::files(source, dest, Some(mode), None, place),
                    _ => Err(wrong(format!("an entry is {value}, not a list of two or three texts"))),
                }
            }
            Value::Object(values) if values.contains_key("link_name") => {
                let table = CargoTable::new(place, value)?;
                table.check_keys(&LINK_KEYS)?;
                Ok(Self::Link { dest: table.required("dest")?, target: table.required("link_name")? })
            }
            Value::Object(values) => {
                let mut table = CargoTable::new(place, value)?;
                if let Some(flag) = values.get("preserve-symlinks") {
                    table.values.remove("preserve-symlinks");
                    table.values.insert("preserve_symlinks".to_owned(), flag.clone());
                }
                table.check_keys(&FILE_KEYS)?;
                let (source, dest) = (table.required("source")?, table.required("dest")?);
                let mode = table.text("mode")?;
                Self::files(&source, &dest, mode.as_deref(), table.flag("preserve_symlinks")?, place)
            }
            other => Err(wrong(format!("an entry is {}: {other}", kind(other)))),
        }
    }

    fn files(
        source: &str,
        dest: &str,
        mode: Option<&str>,
        preserve_symlinks: Option<bool>,
        place: &str,
    ) -> Result<Self, CargoError> {
        let octal = |text: &str| {
            let mode = u32::from_str_radix(text, 8).ok().filter(|mode| mode & !0o7777 == 0);
            let what = || format!("the mode `{text}` of {source} is not an octal number up to 7777");
            mode.ok_or_else(|| {
                CargoError::new(place, what(), "write such as \"644\" for a file, \"755\" for a program")
            })
        };
        if is_foreign_target(source) {
            let what = format!("`{source}` names another folder of cargo's than target/release");
            let help =
                "write `target/release/…`: it stands for the folder of the profile and the target that are built";
            return Err(CargoError::new(place, what, help));
        }
        let mode = mode.map(octal).transpose()?;
        Ok(Self::Files { source: source.to_owned(), dest: dest.to_owned(), mode, preserve_symlinks })
    }
}

/// Whether a source is below `target/debug` or `target/TRIPLE/release`, which is never what is built.
fn is_foreign_target(source: &str) -> bool {
    let mut parts = source.split('/').skip_while(|part| matches!(*part, "" | "." | ".."));
    let (target, folder, release) = (parts.next(), parts.next(), parts.next());
    let of_triple = folder.is_some_and(|folder| folder.contains('-')) && release == Some("release");
    target == Some("target") && (folder == Some("debug") || of_triple)
}

/// The assets of a variant with `merge-assets`: `append`, and then `by.src` or `by.dest`.
pub(super) fn merge(mut assets: Vec<AssetKey>, table: &CargoTable) -> Result<Vec<AssetKey>, CargoError> {
    table.check_keys(&["append", "by"])?;
    assets.extend(AssetKey::list(table, "append")?.unwrap_or_default());
    let Some(by) = table.table("by")? else { return Ok(assets) };
    by.check_keys(&["dest", "src"])?;
    if by.values.len() > 1 {
        return Err(CargoError::new(by.place, "it has both `src` and `dest`", "leave one of them out"));
    }
    for (key, same) in [("src", same_source as fn(&AssetKey, &AssetKey) -> bool), ("dest", same_dest)] {
        for new in AssetKey::list(&by, key)?.unwrap_or_default() {
            match assets.iter_mut().find(|old| same(old, &new)) {
                Some(old) => *old = new,
                None => assets.push(new),
            }
        }
    }
    Ok(assets)
}

fn same_source(a: &AssetKey, b: &AssetKey) -> bool {
    matches!((a, b), (AssetKey::Files { source: a, .. }, AssetKey::Files { source: b, .. }) if a == b)
}

fn same_dest(a: &AssetKey, b: &AssetKey) -> bool {
    let dest = |key: &AssetKey| match key {
        AssetKey::Auto => None,
        AssetKey::Files { dest, .. } | AssetKey::Link { dest, .. } => Some(dest.clone()),
    };
    match (a, b) {
        (AssetKey::Auto, AssetKey::Auto) => true,
        _ => dest(a).is_some() && dest(a) == dest(b),
    }
}
