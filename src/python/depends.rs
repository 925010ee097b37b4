//! What the packed libraries need of the server: relations to Python, from `Requires-Python` and the wheels' names, and what
//! their compiled parts link.

use std::fs;

use pep440_rs::Operator;

use super::wheel::{Wheel, WheelPlace};
use super::{PythonError, PythonTarget};
use crate::control::{Alternatives, Relations};
use crate::deb::elf::{self, Programs};

/// What wheels need of the server.
#[derive(Debug, Clone, Default)]
pub struct WheelNeeds {
    pub depends: Relations,
    /// The compiled modules and programs in the wheels, whose libraries `depends` is to have.
    pub programs: Programs,
    /// What the user should know, each a sentence.
    pub warnings: Vec<String>,
    /// Whether a wheel has machine code.
    pub compiled: bool,
    /// The compiled files that have their symbols for a debugger, below the folder of the libraries.
    pub unstripped: Vec<String>,
}

impl WheelNeeds {
    /// Looks at every file of all wheels.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn of(wheels: &[&Wheel], target: &PythonTarget) -> Result<Self, PythonError> {
        let mut needs = Self::default();
        needs.depends.0.extend(python(wheels, target).iter().filter_map(|text| text.parse::<Alternatives>().ok()));
        for wheel in wheels {
            for file in &wheel.files {
                let name = file.content.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                if matches!(file.place, WheelPlace::Library(_)) && name.contains(".so") {
                    needs.programs.shipped.insert(name);
                }
            }
        }
        for wheel in wheels {
            for file in &wheel.files {
                let unreadable = |source| PythonError::Unreadable { path: file.content.display().to_string(), source };
                let bytes = fs::read(&file.content).map_err(unreadable)?;
                let wrong = |error: elf::ElfError| PythonError::Wheel {
                    wheel: wheel.file.clone(),
                    reason: format!("{}: {error}", file.content.display()),
                };
                if needs.programs.add(&wheel.file, &bytes).map_err(wrong)? {
                    needs.compiled = true;
                    if let WheelPlace::Library(path) = &file.place
                        && elf::has_symbols(&bytes)
                    {
                        needs.unstripped.push(path.clone());
                    }
                }
            }
        }
        Ok(needs)
    }
}

/// The relations to the package python3. Machine code is for one release of Python, unless it uses the stable ABI alone.
fn python(wheels: &[&Wheel], target: &PythonTarget) -> Vec<String> {
    let bound = wheels.iter().any(|wheel| wheel.name.is_bound_to_a_release());
    if bound {
        let next = target.minor.saturating_add(1);
        return vec![format!("python3 (>= 3.{})", target.minor), format!("python3 (<< 3.{next})")];
    }
    let (mut least, mut below) = (None::<(u64, u64)>, None::<(u64, u64)>);
    for wheel in wheels {
        least = least.max(wheel.name.stable_abi_since().map(|minor| (3, u64::from(minor))));
        for specifier in wheel.metadata.requires_python.iter().flat_map(|specifiers| specifiers.iter()) {
            let release = specifier.version().release();
            let Some(major) = release.first().copied() else { continue };
            let minor = release.get(1).copied().unwrap_or_default();
            let named = (major, minor);
            // The first release after all that a specifier with `*` or `~=` means.
            let next = |numbers: usize| {
                if numbers > 1 { (major, minor.saturating_add(1)) } else { (major.saturating_add(1), 0) }
            };
            let (from, to) = match specifier.operator() {
                Operator::GreaterThanEqual | Operator::GreaterThan => (Some(named), None),
                Operator::TildeEqual => (Some(named), Some(next(release.len().saturating_sub(1)))),
                Operator::Equal | Operator::ExactEqual | Operator::EqualStar => {
                    (Some(named), Some(next(release.len())))
                }
                Operator::LessThan if release.get(2).is_none_or(|third| *third == 0) => (None, Some(named)),
                // An update of Debian may have a higher third number, but never another second one.
                Operator::LessThan | Operator::LessThanEqual => (None, Some(next(2))),
                Operator::NotEqual | Operator::NotEqualStar => (None, None),
            };
            least = least.max(from);
            below = [below, to].into_iter().flatten().min();
        }
    }
    let least = least.map(|(major, minor)| format!("python3 (>= {major}.{minor})"));
    let below = below.map(|(major, minor)| format!("python3 (<< {major}.{minor})"));
    least.into_iter().chain(below).collect()
}
