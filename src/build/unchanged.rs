//! An image that is there already. What an image was made of is noted in the cache, together with the digests of its files; when
//! the next image would be made of the same, and the files are still those, they are left as they are.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use miette::IntoDiagnostic;

use super::built_package::BuiltPackage;
use super::image_root::ImageBuild;
use super::packed::Packed;
use super::source::Source;
use crate::control::Relations;
use crate::disk::ext4::Identity;
use crate::disk::gzip::Compressed;
use crate::render::image::ImageFile;
use crate::system::cache::Cache;
use crate::system::hash::Sha256;
use crate::system::output;
use crate::system::program;

/// The facts about a finished image that the command prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MadeImage {
    pub sizes: Compressed,
    /// How many packages are installed in it.
    pub packages: usize,
    /// What the user should look at, one sentence each.
    pub warnings: Vec<String>,
}

/// The note about an image, in the cache.
pub(super) struct Note {
    path: PathBuf,
}

impl Note {
    /// The note about the image that `build` would make: it is named after the digest of all that goes into it, this program
    /// included. Which packages of the archive are chosen follows from `asked` and from its `source`, so they need
    /// not be known yet.
    ///
    /// # Errors
    /// When this program cannot be read, or a template of an image's file is wrong.
    pub fn of(
        build: &ImageBuild,
        asked: &[Relations],
        packages: &[BuiltPackage],
        source: &Source,
        cache: &Cache,
    ) -> miette::Result<Self> {
        let program = program::digest().into_diagnostic()?;
        let mut text = format!("{program} {} {}\n", build.image_name(), build.epoch.seconds());
        let _ = writeln!(text, "{:?} {:?}", build.stack.variant(), build.free_space());
        text.push_str(&source.description(build.repository));
        for file in packages.iter().flat_map(BuiltPackage::files) {
            let compression = file.packed.map(Packed::compression);
            let _ = writeln!(text, "{} {compression:?}", file.written.sha256);
        }
        for relations in asked {
            let _ = writeln!(text, "{relations}");
        }
        // Any identity will do: the real one is made from the chosen packages, which are noted above.
        for ImageFile { file, .. } in build.image_files(&Identity::of(&[]))? {
            let _ = writeln!(text, "{} {:o} {}", file.path.display(), file.mode, Sha256::of(file.content.as_bytes()));
        }
        Ok(Self { path: cache.images().join(Sha256::of(text.as_bytes()).to_string()) })
    }

    /// What is noted about the image, if `image` and `manifest` are the files that were made.
    pub fn find(&self, image: &Path, manifest: &Path) -> Option<MadeImage> {
        let text = fs::read_to_string(&self.path).ok()?;
        let mut lines = text.lines();
        let mut words = lines.by_ref().take(4).flat_map(str::split_whitespace);
        let sizes = Compressed {
            raw_bytes: words.next()?.parse().ok()?,
            raw_sha256: words.next()?.parse().ok()?,
            compressed_bytes: words.next()?.parse().ok()?,
            compressed_sha256: words.next()?.parse().ok()?,
        };
        let of_manifest: Sha256 = words.next()?.parse().ok()?;
        let packages = words.next()?.parse().ok()?;
        drop(words);
        let is = |path: &Path, digest: Sha256| Sha256::of_file(path).is_ok_and(|(found, _)| found == digest);
        let warnings = lines.map(str::to_owned).collect();
        (is(manifest, of_manifest) && is(image, sizes.compressed_sha256)).then_some(MadeImage {
            sizes,
            packages,
            warnings,
        })
    }

    /// Writes the note about an image that was made.
    ///
    /// # Errors
    /// When the manifest cannot be read, or the cache cannot be written.
    pub fn write(&self, made: &MadeImage, manifest: &Path) -> io::Result<()> {
        let Compressed { raw_bytes, raw_sha256, compressed_bytes, compressed_sha256 } = made.sizes;
        let (of_manifest, _) = Sha256::of_file(manifest)?;
        let mut text = format!("{raw_bytes} {raw_sha256}\n{compressed_bytes} {compressed_sha256}\n");
        let _ = writeln!(text, "{of_manifest}\n{}", made.packages);
        for warning in &made.warnings {
            let _ = writeln!(text, "{}", warning.replace('\n', " "));
        }
        output::write_file(&self.path, text.as_bytes()).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_only_when_both_files_are_what_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let [image, manifest] = ["image", "manifest"].map(|name| folder.path().join(name));
        fs::write(&image, "the image").unwrap();
        fs::write(&manifest, "the manifest").unwrap();
        let digest = Sha256::of(b"the image");
        let sizes = Compressed { raw_bytes: 5, raw_sha256: digest, compressed_bytes: 9, compressed_sha256: digest };
        let made = MadeImage { sizes, packages: 3, warnings: vec!["one thing".to_owned(), "another".to_owned()] };
        let note = Note { path: folder.path().join("note") };
        assert_eq!(note.find(&image, &manifest), None);
        note.write(&made, &manifest).unwrap();
        assert_eq!(note.find(&image, &manifest), Some(made.clone()));
        for (path, right) in [(&image, "the image"), (&manifest, "the manifest")] {
            fs::write(path, "another").unwrap();
            assert_eq!(note.find(&image, &manifest), None);
            fs::remove_file(path).unwrap();
            assert_eq!(note.find(&image, &manifest), None);
            fs::write(path, right).unwrap();
        }
        assert_eq!(note.find(&image, &manifest), Some(made.clone()));
    }
}
