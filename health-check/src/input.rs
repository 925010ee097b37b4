//! The small text files of an administrator: a path → the text.

use std::fs;
use std::io;
use std::path::Path;

/// The longest file that is read, in bytes. The usual ones have some hundred.
const LONGEST: u64 = 1024 * 1024;

/// Reads a text. A missing file is the same as an empty one, because an administrator may have removed it.
///
/// # Errors
/// When it cannot be read. The error is a phrase that shows nothing of its content.
pub fn read(path: &Path) -> Result<String, String> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error.to_string()),
        Ok(file) if !file.is_file() => return Err("it is not a file".to_owned()),
        Ok(file) if file.len() > LONGEST => return Err("it is longer than 1 MiB".to_owned()),
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let line = line_number(error.as_bytes(), error.utf8_error().valid_up_to());
        format!("line {line} is not UTF-8")
    })
}

/// The number of the line, counted from 1, that the byte at `offset` is in.
pub fn line_number(text: &[u8], offset: usize) -> usize {
    text.iter().take(offset).filter(|byte| **byte == b'\n').count().saturating_add(1)
}
