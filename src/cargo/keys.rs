//! The keys of `[package.metadata.deb]` and of its variants: cargo's answer → [`Keys`], each with its type. What a variant
//! does not say it takes from the table above it.

use serde_json::Value;

use super::CargoError;
use super::assets::{AssetKey, merge};
use super::metadata::{Crate, package_name};
use super::table::CargoTable;
use crate::deb::elf::DebugSections;
use crate::stack::nearest;

/// All keys that cargo-deb 3.8 knows.
const KNOWN: [&str; 33] = [
    "assets",
    "breaks",
    "changelog",
    "compress-debug-symbols",
    "conf-files",
    "conflicts",
    "copyright",
    "dbgsym",
    "default-features",
    "depends",
    "enhances",
    "extended-description",
    "extended-description-file",
    "features",
    "license-file",
    "maintainer",
    "maintainer-scripts",
    "merge-assets",
    "name",
    "pre-depends",
    "preserve-symlinks",
    "priority",
    "profile",
    "provides",
    "recommends",
    "replaces",
    "revision",
    "section",
    "separate-debug-symbols",
    "suggests",
    "systemd-units",
    "triggers-file",
    "variants",
];

const UNIT_KEYS: [&str; 7] =
    ["enable", "restart-after-upgrade", "start", "stop-on-upgrade", "unit-name", "unit-scripts", "usr-merge"];

/// What the metadata say, with a variant's values in place of the others.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) name: Option<String>,
    pub(super) maintainer: Option<String>,
    pub(super) copyright: Option<String>,
    /// The file, and how many of its lines are left out at the top.
    pub(super) license_file: Option<(String, usize)>,
    pub(super) changelog: Option<String>,
    pub(super) relations: RelationKeys,
    pub(super) extended_description: Option<String>,
    pub(super) extended_description_file: Option<String>,
    pub(super) section: Option<String>,
    pub(super) priority: Option<String>,
    pub(super) revision: Option<String>,
    pub(super) conf_files: Vec<String>,
    /// `None` when the key is left out.
    pub(super) assets: Option<Vec<AssetKey>>,
    pub(super) triggers_file: Option<String>,
    pub(super) maintainer_scripts: Option<String>,
    pub(super) features: Vec<String>,
    pub(super) default_features: bool,
    pub(super) preserve_symlinks: bool,
    /// `None` when the key is left out.
    pub(super) systemd_units: Option<Vec<UnitKeys>>,
    pub(super) profile: Option<String>,
    pub(super) debug_symbols: DebugSymbols,
    /// The table of the keys, as errors name it.
    pub(super) place: String,
}

/// Where the debugging data of the programs are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DebugSymbols {
    /// Where they are, or nowhere, as the profile says.
    InPrograms,
    /// `separate-debug-symbols`: in files of the same package.
    Separate(DebugSections),
    /// `dbgsym`: in a package of their own.
    OwnPackage(DebugSections),
}

/// The fields of relations, as they are written.
#[derive(Debug, Clone)]
pub(super) struct RelationKeys {
    /// `$auto` when the key is left out.
    pub(super) depends: String,
    pub(super) others: [Option<String>; 8],
}

/// The keys of [`RelationKeys::others`].
pub(super) const RELATIONS: [&str; 8] =
    ["pre-depends", "recommends", "suggests", "enhances", "conflicts", "breaks", "replaces", "provides"];

/// One entry of `systemd-units`; a single table counts as a list of one.
#[derive(Debug, Clone)]
pub(super) struct UnitKeys {
    pub(super) unit_scripts: Option<String>,
    pub(super) unit_name: Option<String>,
    pub(super) enable: bool,
    pub(super) start: bool,
    pub(super) restart_after_upgrade: bool,
    pub(super) stop_on_upgrade: bool,
}

impl Keys {
    /// Reads the table of a crate, with the values of a variant if one is named.
    pub(super) fn read(of: &Crate, variant: Option<&str>) -> Result<Self, CargoError> {
        let manifest = of.manifest();
        let Some(deb) = of.deb() else {
            let what = format!("the crate `{}` has no table [package.metadata.deb]", of.name);
            return Err(CargoError::new(manifest, what, "add the table; it may be empty"));
        };
        let base = CargoTable::new(format!("{manifest}, [package.metadata.deb]"), deb)?;
        base.check_keys(&KNOWN)?;
        let variants = match base.table("variants")? {
            None => Vec::new(),
            Some(tables) => {
                let one = |(name, value): (&String, &Value)| {
                    let table = CargoTable::new(format!("{manifest}, [package.metadata.deb.variants.{name}]"), value)?;
                    table.check_keys(&KNOWN)?;
                    Ok((name.clone(), table))
                };
                tables.values.iter().map(one).collect::<Result<_, CargoError>>()?
            }
        };
        let Some(wanted) = variant else { return Self::from_table(&base, None) };
        let Some((_, table)) = variants.iter().find(|(name, _)| name == wanted) else {
            let names: Vec<&str> = variants.iter().map(|(name, _)| name.as_str()).collect();
            let suggestion = nearest(wanted, &names).map(|meant| format!(": did you mean `{meant}`?"));
            let what = format!("there is no variant `{wanted}`{}", suggestion.unwrap_or_default());
            let help = if names.is_empty() {
                "it has none at all: leave `--variant` out, and `metadata-variant` in [app] of stack.toml".to_owned()
            } else {
                let names = names.join(", ");
                format!(
                    "its variants are: {names}; `--variant` names one, and for a stack `metadata-variant` in [app] of stack.toml"
                )
            };
            return Err(CargoError::new(base.place, what, help));
        };
        let mut merged = base.clone();
        merged.place.clone_from(&table.place);
        merged.values.extend(table.values.clone());
        if !merged.values.contains_key("name") {
            let name = package_name(&format!("{}-{wanted}", of.name));
            merged.values.insert("name".to_owned(), name.into());
        }
        Self::from_table(&merged, table.table("merge-assets")?)
    }

    fn from_table(table: &CargoTable, merged: Option<CargoTable>) -> Result<Self, CargoError> {
        let mut assets = AssetKey::list(table, "assets")?;
        if let Some(merged) = merged {
            assets = Some(merge(assets.unwrap_or_default(), &merged)?);
        }
        let relation = |key: &&str| table.joined(key);
        let mut others = [const { None }; RELATIONS.len()];
        for (slot, key) in others.iter_mut().zip(&RELATIONS) {
            *slot = relation(key)?;
        }
        Ok(Self {
            name: table.text("name")?,
            maintainer: table.text("maintainer")?,
            copyright: table.text("copyright")?,
            license_file: license_file(table)?,
            changelog: table.text("changelog")?,
            relations: RelationKeys { depends: table.joined("depends")?.unwrap_or_else(|| "$auto".to_owned()), others },
            extended_description: table.text("extended-description")?,
            extended_description_file: table.text("extended-description-file")?,
            section: table.text("section")?,
            priority: table.text("priority")?,
            revision: table.text("revision")?,
            conf_files: table.texts("conf-files")?.unwrap_or_default(),
            assets,
            triggers_file: table.text("triggers-file")?,
            maintainer_scripts: table.text("maintainer-scripts")?,
            features: table.texts("features")?.unwrap_or_default(),
            default_features: table.flag("default-features")?.unwrap_or(true),
            preserve_symlinks: table.flag("preserve-symlinks")?.unwrap_or(false),
            systemd_units: UnitKeys::list(table)?,
            profile: table.text("profile")?,
            debug_symbols: DebugSymbols::read(table)?,
            place: table.place.clone(),
        })
    }
}

impl DebugSymbols {
    /// The same in a package of their own.
    pub(super) fn in_own_package(self) -> Self {
        match self {
            Self::InPrograms => Self::OwnPackage(DebugSections::AsTheyAre),
            Self::Separate(sections) | Self::OwnPackage(sections) => Self::OwnPackage(sections),
        }
    }

    fn read(table: &CargoTable) -> Result<Self, CargoError> {
        let compressed = table.flag("compress-debug-symbols")?.unwrap_or(false);
        let sections = if compressed { DebugSections::Compressed } else { DebugSections::AsTheyAre };
        let separate = table.flag("separate-debug-symbols")?.unwrap_or(false);
        Ok(match (table.flag("dbgsym")?.unwrap_or(false), separate) {
            (true, _) => Self::OwnPackage(sections),
            (false, true) => Self::Separate(sections),
            (false, false) => Self::InPrograms,
        })
    }
}

impl UnitKeys {
    /// One table, or a list of them.
    fn list(table: &CargoTable) -> Result<Option<Vec<Self>>, CargoError> {
        let key = "systemd-units";
        let one = |value: &Value| Self::read(&CargoTable::new(table.place_of(key), value)?);
        match table.values.get(key) {
            None => Ok(None),
            Some(Value::Array(list)) => list.iter().map(one).collect::<Result<_, _>>().map(Some),
            Some(value) => Ok(Some(vec![one(value)?])),
        }
    }

    fn read(table: &CargoTable) -> Result<Self, CargoError> {
        table.check_keys(&UNIT_KEYS)?;
        // A key of some releases of cargo-deb.
        if table.flag("usr-merge")? == Some(false) {
            let help = "leave it out: since Debian 12 and Ubuntu 22.04, /lib is a link to /usr/lib";
            return Err(CargoError::new(table.place_of("usr-merge"), "units in /lib are not supported", help));
        }
        let flag = |key| Ok::<_, CargoError>(table.flag(key)?.unwrap_or(true));
        Ok(Self {
            unit_scripts: table.text("unit-scripts")?,
            unit_name: table.text("unit-name")?,
            enable: flag("enable")?,
            start: flag("start")?,
            restart_after_upgrade: flag("restart-after-upgrade")?,
            stop_on_upgrade: flag("stop-on-upgrade")?,
        })
    }
}

/// `license-file`: a path, or a list of a path and the number of lines that are left out, a text.
fn license_file(table: &CargoTable) -> Result<Option<(String, usize)>, CargoError> {
    let key = "license-file";
    let Some(value) = table.values.get(key) else { return Ok(None) };
    let wrong = || table.wrong(key, value, "a path, or a list of a path and a number of lines such as \"4\"");
    match value {
        Value::String(path) => Ok(Some((path.clone(), 0))),
        Value::Array(list) => {
            let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            match texts.as_deref() {
                Some([]) => Ok(None),
                Some([path]) => Ok(Some(((*path).to_owned(), 0))),
                Some([path, lines, ..]) => Ok(Some(((*path).to_owned(), lines.parse().map_err(|_| wrong())?))),
                None => Err(wrong()),
            }
        }
        _ => Err(wrong()),
    }
}
