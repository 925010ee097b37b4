//! The administrator's limits: the path of `health.toml` → the limits, and sentences about the mistakes in the file. A
//! mistake never stops the check: the default is used for a value that is not valid.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::input::{self, line_number};

/// The number of mistakes that are reported. Of the others, only the number is reported.
const MOST_MISTAKES: usize = 3;
/// How much of a value that is not valid is shown, in characters.
const SHOWN: usize = 40;
/// The largest number of entries in the history. More would need too much memory and make the page
/// too large for a browser.
const LONGEST_HISTORY: f64 = 20_000.0;

/// The limits. A server with a larger value is unhealthy.
pub struct Settings {
    /// In per cent, 0 to 100. Infinite means no limit.
    pub max_cpu: f64,
    /// The load average over five minutes for each processor. Infinite means no limit.
    pub max_load: f64,
    /// In per cent, 0 to 100.
    pub max_ram: f64,
    /// In per cent, 0 to 100. It is the limit for bytes and for inodes.
    pub max_disk: f64,
    /// The time until the end of the answer of a site, in milliseconds.
    pub max_response_time: u64,
    /// The number of entries in the history.
    pub history: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_cpu: f64::INFINITY,
            max_load: f64::INFINITY,
            max_ram: 95.0,
            max_disk: 90.0,
            max_response_time: crate::site::LIMIT.as_millis() as u64,
            history: 4320,
        }
    }
}

/// A key of the file, with its smallest and its largest value.
struct Key {
    name: &'static str,
    least: f64,
    most: f64,
    /// Whether the value must be a whole number.
    whole: bool,
}

const KEYS: [Key; 6] = [
    Key { name: "max_cpu", least: 0.0, most: 100.0, whole: false },
    Key { name: "max_load", least: 0.0, most: 1000.0, whole: false },
    Key { name: "max_ram", least: 0.0, most: 100.0, whole: false },
    Key { name: "max_disk", least: 0.0, most: 100.0, whole: false },
    Key { name: "max_response_time", least: 1.0, most: crate::site::LIMIT.as_millis() as f64, whole: true },
    Key { name: "history", least: 1.0, most: LONGEST_HISTORY, whole: true },
];

impl Settings {
    /// Reads the file, or else the one of the package `name`. Returns a sentence for each mistake as well, with the file,
    /// the line and the key.
    pub fn load(path: Option<&Path>, name: &str) -> (Self, Vec<String>) {
        let path = path.map_or_else(|| PathBuf::from(format!("/etc/{name}/health.toml")), Path::to_owned);
        match input::read(&path) {
            Ok(text) => Self::parse(&text, &path.display().to_string()),
            Err(why) => (Self::default(), vec![format!("cannot read {}: {why}; the defaults hold", path.display())]),
        }
    }

    fn parse(text: &str, path: &str) -> (Self, Vec<String>) {
        let mut settings = Self::default();
        let place = |offset: usize| format!("{path}:{}", line_number(text.as_bytes(), offset));
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let place = place(error.span().map_or(0, |span| span.start));
                let message = error.message().lines().collect::<Vec<_>>().join(", ");
                return (settings, vec![format!("{place}: this is not TOML: {message}; the defaults hold")]);
            }
        };
        let mut mistakes = Vec::new();
        for (name, value) in &table {
            match KEYS.iter().find(|key| key.name == name.get_ref().as_ref()) {
                None => mistakes.push((name.span().start, unknown(name.get_ref()))),
                Some(key) if settings.set(key, value.get_ref()).is_none() => {
                    let written = text.get(value.span()).unwrap_or_default().lines().next().unwrap_or_default();
                    mistakes.push((value.span().start, key.refusal(&written.chars().take(SHOWN).collect::<String>())));
                }
                Some(_) => {}
            }
        }
        mistakes.sort();
        let more = mistakes.len().saturating_sub(MOST_MISTAKES);
        let told = mistakes.into_iter().take(MOST_MISTAKES).map(|(offset, why)| format!("{}: {why}", place(offset)));
        let mut told: Vec<String> = told.collect();
        if more > 0 {
            told.push(format!("{path}: {more} more mistakes"));
        }
        (settings, told)
    }

    /// Sets the value of a key; `None` if it is not valid.
    fn set(&mut self, key: &Key, value: &DeValue<'_>) -> Option<()> {
        let fits = |number: &f64| (key.least..=key.most).contains(number) && !(key.whole && number.fract() != 0.0);
        let given = number(value).filter(fits)?;
        match key.name {
            "max_cpu" => self.max_cpu = given,
            "max_load" => self.max_load = given,
            "max_ram" => self.max_ram = given,
            "max_disk" => self.max_disk = given,
            "max_response_time" => self.max_response_time = given as u64,
            _ => self.history = given as usize,
        }
        Some(())
    }
}

impl Key {
    fn refusal(&self, written: &str) -> String {
        let Self { name, least, most, whole } = self;
        let kind = if *whole { "a whole number" } else { "a number" };
        format!("{name} is {written}, but has to be {kind} from {least} to {most}; its default holds")
    }
}

fn unknown(name: &str) -> String {
    let known = KEYS.map(|key| key.name);
    let shown = name.escape_debug();
    let distance = |key: &str| strsim::damerau_levenshtein(&name.to_lowercase().replace('-', "_"), key);
    let nearest = known.into_iter().min_by_key(|key| distance(key));
    match nearest.filter(|key| distance(key).saturating_sub(1) <= key.len() / 4) {
        Some(meant) => format!("there is no key `{shown}`: did you mean `{meant}`?"),
        None => format!("there is no key `{shown}`; the keys are {}", known.join(", ")),
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    if let Some(integer) = value.as_integer() {
        return i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|number| number as f64);
    }
    value.as_float()?.as_str().parse().ok()
}
