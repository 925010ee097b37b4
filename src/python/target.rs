//! The Python of a suite: which environment markers hold there (PEP 508), and which wheels it can load (PEP 425, PEP 600).

use std::collections::HashMap;
use std::str::FromStr;

use pep440_rs::Version;
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder, Requirement, VerbatimUrl};

use super::PythonError;
use crate::apt::Suite;

/// The oldest glibc that a wheel may name: manylinux1 is 2.5 (PEP 513).
const OLDEST_GLIBC: u32 = 5;

/// The first Python with the stable ABI (PEP 384).
const FIRST_STABLE_ABI: u32 = 2;

/// The older names of three manylinux platforms, each with the minor version of its glibc (PEP 600).
const LEGACY: [(u32, &str); 3] = [(17, "manylinux2014"), (12, "manylinux2010"), (5, "manylinux1")];

/// The Python that a package is built for.
#[derive(Debug)]
pub struct PythonTarget {
    /// The suite's name, for messages: `Debian 13 (trixie)`.
    pub title: String,
    /// The version with its third number: `3.13.5`.
    pub full: Version,
    /// The second number of the version: 13 in 3.13.
    pub minor: u32,
    /// Both numbers of the glibc.
    pub glibc: (u32, u32),
    markers: MarkerEnvironment,
    /// Each tag that it accepts, with its rank: 0 is the best.
    tags: HashMap<String, usize>,
}

impl PythonTarget {
    /// The Python of a suite, on amd64.
    ///
    /// # Errors
    /// When the suite's table has a version that is not one; a test looks at all of them.
    pub fn of(suite: &Suite) -> Result<Self, PythonError> {
        let broken = |what: String| PythonError::Target { suite: suite.name.to_owned(), what };
        let full: Version = suite.python.parse().map_err(|error| broken(format!("{error}")))?;
        let minor = full.release().get(1).and_then(|number| u32::try_from(*number).ok());
        let minor = minor.ok_or_else(|| broken(suite.python.to_owned()))?;
        let python_version = format!("3.{minor}");
        let markers = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: suite.python,
            os_name: "posix",
            platform_machine: "x86_64",
            platform_python_implementation: "CPython",
            platform_release: "",
            platform_system: "Linux",
            platform_version: "",
            python_full_version: suite.python,
            python_version: &python_version,
            sys_platform: "linux",
        });
        let markers = markers.map_err(|error| broken(error.to_string()))?;
        let tags = tags(minor, suite.glibc);
        let tags = tags.into_iter().enumerate().map(|(rank, tag)| (tag, rank)).collect();
        Ok(Self { title: suite.title(), full, minor, glibc: suite.glibc, markers, tags })
    }

    /// Whether a marker of a lock holds there. The error is a phrase.
    pub(super) fn holds(&self, marker: &str) -> Result<bool, String> {
        let requirement = Requirement::<VerbatimUrl>::from_str(&format!("x ; {marker}"));
        let requirement = requirement.map_err(|_| format!("the marker `{marker}` cannot be read"))?;
        Ok(requirement.evaluate_markers(&self.markers, &[]))
    }

    /// The values of the environment markers.
    pub fn markers(&self) -> &MarkerEnvironment {
        &self.markers
    }

    /// How well a wheel fits: 0 is the best; `None` when the Python cannot load it.
    pub fn rank(&self, wheel: &WheelName) -> Option<usize> {
        wheel.tags().filter_map(|tag| self.tags.get(&tag).copied()).min()
    }

    /// Every tag that it accepts, the best first.
    pub fn tags(&self) -> Vec<&str> {
        let mut tags: Vec<_> = self.tags.iter().map(|(tag, rank)| (*rank, tag.as_str())).collect();
        tags.sort_unstable();
        tags.into_iter().map(|(_, tag)| tag).collect()
    }
}

/// The tags of CPython 3.`minor` on x86-64 with that glibc, the best first, in the order of `packaging.tags.sys_tags`.
fn tags(minor: u32, glibc: (u32, u32)) -> Vec<String> {
    let platforms = platforms(glibc);
    let of = |minor: u32| format!("cp3{minor}");
    let mut tags = Vec::new();
    for abi in [of(minor), "abi3".to_owned(), "none".to_owned()] {
        tags.extend(platforms.iter().map(|platform| format!("{}-{abi}-{platform}", of(minor))));
    }
    for older in (FIRST_STABLE_ABI..minor).rev() {
        tags.extend(platforms.iter().map(|platform| format!("{}-abi3-{platform}", of(older))));
    }
    let generic: Vec<String> = [format!("py3{minor}"), "py3".to_owned()]
        .into_iter()
        .chain((0..minor).rev().map(|older| format!("py3{older}")))
        .collect();
    for version in &generic {
        tags.extend(platforms.iter().map(|platform| format!("{version}-none-{platform}")));
    }
    tags.push(format!("{}-none-any", of(minor)));
    tags.extend(generic.iter().map(|version| format!("{version}-none-any")));
    tags
}

fn platforms((major, minor): (u32, u32)) -> Vec<String> {
    let mut platforms = Vec::new();
    for minor in (OLDEST_GLIBC..=minor).rev() {
        platforms.push(format!("manylinux_{major}_{minor}_x86_64"));
        let legacy = LEGACY.iter().find(|(glibc, _)| *glibc == minor);
        platforms.extend(legacy.map(|(_, name)| format!("{name}_x86_64")));
    }
    platforms.push("linux_x86_64".to_owned());
    platforms
}

/// A wheel's file name: `NAME-VERSION(-BUILD)-PYTHON-ABI-PLATFORM.whl` (binary distribution format).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelName {
    /// The library's name as it stands there.
    pub name: String,
    pub version: Version,
    /// The build number and what follows it; `None` without one.
    build: Option<(u64, String)>,
    python: String,
    abi: String,
    platform: String,
}

impl WheelName {
    /// Reads a file name. Returns `None` when it is not a wheel's.
    pub fn parse(file: &str) -> Option<Self> {
        let parts: Vec<&str> = file.strip_suffix(".whl")?.split('-').collect();
        let (name, version, build, python, abi, platform) = match parts.as_slice() {
            [name, version, python, abi, platform] => (name, version, None, python, abi, platform),
            [name, version, build, python, abi, platform] => {
                let digits = build.find(|c: char| !c.is_ascii_digit()).unwrap_or(build.len());
                let (number, rest) = build.split_at_checked(digits)?;
                (name, version, Some((number.parse().ok()?, rest.to_owned())), python, abi, platform)
            }
            _ => return None,
        };
        let owned = |text: &&str| (*text).to_owned();
        Some(Self {
            name: owned(name),
            version: version.replace('_', "-").parse().ok()?,
            build,
            python: owned(python),
            abi: owned(abi),
            platform: owned(platform),
        })
    }

    /// The number by which builds of one version are ordered.
    pub fn build(&self) -> Option<&(u64, String)> {
        self.build.as_ref()
    }

    /// Each single tag: `py2.py3-none-any` stands for two.
    pub fn tags(&self) -> impl Iterator<Item = String> {
        self.python.split('.').flat_map(move |python| {
            self.abi
                .split('.')
                .flat_map(move |abi| self.platform.split('.').map(move |platform| format!("{python}-{abi}-{platform}")))
        })
    }

    /// Whether it has machine code of one Python release, that is neither a pure wheel nor one of the stable ABI.
    pub fn is_bound_to_a_release(&self) -> bool {
        self.abi.split('.').all(|abi| abi != "none" && abi != "abi3")
    }

    /// The second number of the oldest Python whose stable ABI it uses; `None` when it uses none.
    pub fn stable_abi_since(&self) -> Option<u32> {
        if !self.abi.split('.').any(|abi| abi == "abi3") {
            return None;
        }
        self.python.split('.').filter_map(|python| python.strip_prefix("cp3")?.parse().ok()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::SUITES;

    #[test]
    fn each_suite_has_a_python() {
        for suite in &SUITES {
            let target = PythonTarget::of(suite).unwrap();
            assert!(target.minor >= 10, "{}", suite.name);
        }
    }

    #[test]
    fn file_names_are_read() {
        let name =
            WheelName::parse("Foo_Bar-1.0.post1-2b-cp38.cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl");
        let name = name.unwrap();
        assert_eq!((name.name.as_str(), name.version.to_string().as_str()), ("Foo_Bar", "1.0.post1"));
        assert_eq!(name.build(), Some(&(2, "b".to_owned())));
        assert_eq!((name.tags().count(), name.stable_abi_since()), (4, Some(8)));
        assert!(!name.is_bound_to_a_release());
        assert!(WheelName::parse("a-1-cp313-cp313-linux_x86_64.whl").unwrap().is_bound_to_a_release());
        for bad in ["a-1.tar.gz", "a-1.whl", "a-x-py3-none-any.whl", "a-1-b-py3-none-any.whl"] {
            assert_eq!(WheelName::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_best_wheel_is_the_nearest_one() {
        let target = PythonTarget::of(Suite::find("trixie").unwrap()).unwrap();
        let rank = |file: &str| target.rank(&WheelName::parse(file).unwrap());
        let order = [
            "a-1-cp313-cp313-manylinux_2_28_x86_64.whl",
            "a-1-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "a-1-cp38-abi3-manylinux2014_x86_64.whl",
            "a-1-py3-none-manylinux2014_x86_64.whl",
            "a-1-py2.py3-none-any.whl",
        ];
        let ranks: Vec<usize> = order.into_iter().map(|file| rank(file).unwrap()).collect();
        assert!(ranks.is_sorted(), "{ranks:?}");
        for foreign in [
            "a-1-cp312-cp312-manylinux_2_17_x86_64.whl",
            "a-1-cp313-cp313t-manylinux_2_17_x86_64.whl",
            "a-1-cp313-cp313-manylinux_2_42_x86_64.whl",
            "a-1-cp313-cp313-musllinux_1_2_x86_64.whl",
            "a-1-cp313-cp313-manylinux_2_17_aarch64.whl",
            "a-1-py3-none-win_amd64.whl",
            "a-1-py2-none-any.whl",
        ] {
            assert_eq!(rank(foreign), None, "{foreign}");
        }
    }
}
