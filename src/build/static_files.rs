//! Compressed copies of the files that nginx serves itself, as its `gzip_static` and `brotli_static` look for them:
//! beside `x` a `x.gz` and a `x.br`. Takes the entries of a payload, and returns them with the copies. The same file
//! always gives the same bytes.

use std::fs;
use std::io::{self, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, GzBuilder};

use crate::control::PackageName;
use crate::deb::{Content, Payload, PayloadEntry, PayloadError};
use crate::render::static_files::{HASHED, PLAIN};
use crate::system::interrupt;

/// Shorter files, in bytes, gain nothing: they fit one packet of the network anyway.
const SHORTEST: usize = 1000;

/// Longer files, in bytes, are compressed with less effort: at the highest quality Brotli takes two seconds for a megabyte.
const LONG: usize = 4 << 20;

/// The endings of files that compress well. Pictures, films, archives and WOFF fonts are compressed already.
const COMPRESSIBLE: &[&str] = &[
    "atom",
    "bmp",
    "css",
    "csv",
    "eot",
    "geojson",
    "htm",
    "html",
    "ico",
    "ics",
    "js",
    "json",
    "jsonld",
    "map",
    "md",
    "mjs",
    "otf",
    "rss",
    "svg",
    "tsv",
    "ttf",
    "txt",
    "vtt",
    "wasm",
    "webmanifest",
    "xhtml",
    "xml",
    "xsl",
    "yaml",
    "yml",
];

/// Why the copies cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CompressError {
    #[error("cannot compress the static file {path}: {source}")]
    #[diagnostic(help("check that it is there and that you may read it"))]
    Unreadable {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Payload(#[from] PayloadError),
}

/// A copy: its path on the server, and its bytes.
type Copy = (String, Vec<u8>);

/// Adds a copy for gzip and one for Brotli to each compressible static file, where the copy is smaller and its name is not too
/// long for a package. A file that the project has instead of a copy stays.
///
/// # Errors
/// When a file cannot be read, or the user interrupts.
pub fn add_compressed(payload: &mut Payload, package: &PackageName) -> Result<(), CompressError> {
    let folders = [HASHED, PLAIN].map(|folder| format!("{}/", folder.of(package)));
    let mut files = Vec::new();
    for (path, entry) in payload.entries() {
        if let PayloadEntry::File { content: Content::File(source), .. } = entry
            && folders.iter().any(|folder| path.starts_with(folder))
            && is_compressible(path)
        {
            files.push((path, source.as_path()));
        }
    }
    let wanted = |path: &str| payload.get(path).is_none() && Payload::can_have(path);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<Copy>, CompressError> {
        let mut copies = Vec::new();
        while let Some((path, source)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let unreadable = |error| CompressError::Unreadable { path: source.display().to_string(), source: error };
            interrupt::check().map_err(unreadable)?;
            copies.extend(copies_of(path, source, &wanted).map_err(unreadable)?);
        }
        Ok(copies)
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let made: Result<Vec<Vec<Copy>>, CompressError> = thread::scope(|scope| {
        let running: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let others = running.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| {
                let source = io::Error::other("a thread ended early");
                Err(CompressError::Unreadable { path: package.to_string(), source })
            })
        });
        std::iter::once(own).chain(others).collect()
    });
    for (path, bytes) in made?.into_iter().flatten() {
        payload.add_file(&path, Content::Bytes(bytes), 0o644)?;
    }
    Ok(())
}

/// The copies of one file that are smaller than it.
fn copies_of(path: &str, source: &Path, wanted: &impl Fn(&str) -> bool) -> io::Result<Vec<Copy>> {
    let bytes = fs::read(source)?;
    let mut copies = Vec::new();
    if bytes.len() < SHORTEST {
        return Ok(copies);
    }
    let (gzip_path, brotli_path) = (format!("{path}.gz"), format!("{path}.br"));
    if wanted(&gzip_path) {
        copies.push((gzip_path, gzip(&bytes)?));
    }
    if wanted(&brotli_path) {
        copies.push((brotli_path, brotli(&bytes)?));
    }
    copies.retain(|(_, copy)| copy.len() < bytes.len());
    Ok(copies)
}

fn is_compressible(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').is_some_and(|(_, ending)| COMPRESSIBLE.contains(&ending.to_ascii_lowercase().as_str()))
}

/// As `gzip -9n` does: the header has neither name nor time.
fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// With the largest window that every browser accepts (RFC 7932, 9.1).
fn brotli(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let quality = if bytes.len() > LONG { 9 } else { 11 };
    let parameters = BrotliEncoderParams { quality, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut compressed, &parameters)?;
    Ok(compressed)
}
