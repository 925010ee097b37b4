//! Checks the limits of units as systemd.resource-control(5) writes them.

use miette::Diagnostic;

use super::size;

/// The least memory that makes sense for a program, in bytes: Python alone uses about 10 MiB.
const LEAST_MEMORY: u64 = 16 << 20;

/// The most processors that a quota may name.
const MOST_PROCESSORS: u32 = 1024;

/// Why a text is not valid as a limit.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ProcessLimitError {
    #[error("`{0}` is neither a size nor a part of the machine's memory")]
    #[diagnostic(help("write a whole number with `K`, `M` or `G`, or a percentage: \"512M\", \"25%\""))]
    Memory(String),
    #[error("`{0}` is less than 16M, and no program of Python's starts with that")]
    #[diagnostic(help("a few hundred megabytes are usual: \"256M\""))]
    LittleMemory(String),
    #[error("`{0}` is not a percentage of one processor's time")]
    #[diagnostic(help("write a whole number from 1 with `%`: \"50%\" is half a processor, \"200%\" are two"))]
    Processor(String),
}

/// A whole number of per cent from 1 to `most`.
fn percentage(text: &str, most: u32) -> Option<u32> {
    let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().filter(|number| (1..=most).contains(number))
}

/// Checks a value of `MemoryMax=`, and returns it as systemd reads it.
///
/// # Errors
/// When it is neither a size nor a percentage, or too small for any program.
pub fn memory_max(text: &str) -> Result<String, ProcessLimitError> {
    if percentage(text, 100).is_some() {
        return Ok(text.to_owned());
    }
    let bytes = size::bytes(text).ok_or_else(|| ProcessLimitError::Memory(text.escape_debug().to_string()))?;
    match bytes < LEAST_MEMORY {
        true => Err(ProcessLimitError::LittleMemory(text.to_owned())),
        // systemd knows capital letters only.
        false => Ok(text.to_ascii_uppercase()),
    }
}

/// Checks a value of `CPUQuota=`, and returns the same text.
///
/// # Errors
/// When it is not a percentage.
pub fn cpu_quota(text: &str) -> Result<String, ProcessLimitError> {
    match percentage(text, MOST_PROCESSORS.saturating_mul(100)) {
        Some(_) => Ok(text.to_owned()),
        None => Err(ProcessLimitError::Processor(text.escape_debug().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_sizes_and_percentages() {
        for (text, read) in [("512M", "512M"), ("1g", "1G"), ("25%", "25%"), ("100%", "100%"), ("33554432", "33554432")]
        {
            assert_eq!(memory_max(text).unwrap(), read);
        }
        for bad in ["", "0", "512", "1M", "101%", "0%", "%", "5.5%", "512MB", "infinity", "-1M", "1T", "512M\nx"] {
            assert!(memory_max(bad).is_err(), "{bad}");
        }
        for good in ["1%", "50%", "200%"] {
            assert!(cpu_quota(good).is_ok(), "{good}");
        }
        for bad in ["", "50", "0%", "-5%", "50 %", "%", "999999%", "1.5%"] {
            assert!(cpu_quota(bad).is_err(), "{bad}");
        }
    }
}
