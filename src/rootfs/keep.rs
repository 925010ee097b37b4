//! Keeps the whole tree of a root in one file, from which it comes back in a few seconds: zstd (RFC 8878) with a checksum
//! of the content; in it a tar archive in GNU's form, and after its end a list of extended attributes in JSON.
//!
//! A tree can also be kept as it is, with a digest of all that is in it.
//!
//! Owners are those inside the root, also in access control lists. Times are in whole seconds, which is all that
//! [`super::finish`] leaves of them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{AtFlags, OFlag, readlinkat};
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};
use serde::{Deserialize, Serialize};
use tar::{Archive, EntryType};
use xattr::FileExt;

use super::attributes;
use super::root::{Root, names_in};
use super::unpack::unpack_tree;
use crate::deb::{Properties, Tarball};
use crate::system::hash::{HashingWriter, Sha256};
use crate::system::interrupt;

/// zstd's fastest regular level: a third of the tree's size, at hundreds of megabytes a second.
const LEVEL: i32 = 1;

/// An extended attribute (xattr(7)), such as an access control list.
#[derive(Serialize, Deserialize)]
struct Attribute {
    path: Vec<u8>,
    name: Vec<u8>,
    value: Vec<u8>,
}

/// Writes the tree of `root` to `output`, on `threads` threads.
///
/// # Errors
/// When a file cannot be read, `output` cannot be written, or the user interrupts; and when the tree has something else than
/// files, folders and links, which no Debian package brings.
pub fn save(root: &Root, output: impl Write, threads: u32) -> io::Result<()> {
    let mut encoder = zstd::Encoder::new(output, LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.multithread(threads)?;
    write_tree(root, encoder)?.finish()?.flush()
}

/// The digest of a tree: of names, contents, owners, permissions, times of modification, and extended attributes.
///
/// # Errors
/// As [`save`].
pub fn digest(root: &Root) -> io::Result<Sha256> {
    Ok(write_tree(root, HashingWriter::new(io::sink()))?.finish().1)
}

/// Writes the tar archive and the list.
fn write_tree<W: Write>(root: &Root, output: W) -> io::Result<W> {
    let mut walk = RootWriter { root, tarball: Tarball::new(output), attributes: Vec::new(), links: BTreeMap::new() };
    walk.folder(Path::new(""))?;
    let mut output = walk.tarball.finish()?;
    serde_json::to_writer(&mut output, &walk.attributes)?;
    Ok(output)
}

/// Fills `root`, which is empty, with the tree that [`save`] wrote.
///
/// # Errors
/// When `input` is damaged or something else, a file cannot be written, or the user interrupts. The root is then not usable.
pub fn load(input: impl Read, root: &Root) -> io::Result<()> {
    let mut archive = Archive::new(zstd::Decoder::new(input)?);
    unpack_tree(&mut archive, root)?;
    let mut rest = Vec::new();
    // To the end of the file: zstd checks its checksum there.
    archive.into_inner().read_to_end(&mut rest)?;
    // The zeros at the end of the tar archive are before the list.
    let list = rest.iter().position(|byte| *byte != 0).and_then(|begin| rest.get(begin..)).unwrap_or_default();
    let listed: Vec<Attribute> = serde_json::from_slice(list)?;
    for attribute in listed {
        let path = PathBuf::from(OsString::from_vec(attribute.path));
        let file = File::from(root.file(path, OFlag::O_RDONLY | OFlag::O_NOFOLLOW)?);
        let value = attributes::outside(&attribute.name, attribute.value, root.ids())?;
        file.set_xattr(OsStr::from_bytes(&attribute.name), &value)?;
    }
    Ok(())
}

/// Writes folder after folder, each in the order of its names.
struct RootWriter<'a, W: Write> {
    root: &'a Root,
    tarball: Tarball<W>,
    attributes: Vec<Attribute>,
    /// The first name of each file with several, by device and inode.
    links: BTreeMap<(u64, u64), Vec<u8>>,
}

impl<W: Write> RootWriter<'_, W> {
    fn folder(&mut self, path: &Path) -> io::Result<()> {
        interrupt::check()?;
        let folder = self.root.file(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW)?;
        let name = if path.as_os_str().is_empty() { b"./".to_vec() } else { [&entry_name(path)[..], b"/"].concat() };
        let properties = self.properties(&fstat(&folder)?)?;
        self.tarball.add(EntryType::Directory, &name, &properties, b"", 0, io::empty())?;
        let folder = File::from(folder);
        self.note_attributes(path, &folder)?;
        let (folder, mut names) = names_in(OwnedFd::from(folder))?;
        names.sort_unstable();
        for name in names {
            let path = path.join(&name);
            let found = fstatat(&folder, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            match SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()) {
                SFlag::S_IFDIR => self.folder(&path)?,
                SFlag::S_IFREG => self.file(&path, &found)?,
                SFlag::S_IFLNK => {
                    let target = readlinkat(&folder, name.as_os_str())?;
                    let properties = self.properties(&found)?;
                    let (name, target) = (entry_name(&path), target.as_bytes());
                    self.tarball.add(EntryType::Symlink, &name, &properties, target, 0, io::empty())?;
                }
                _ => {
                    let what = format!("{} is neither a file nor a folder nor a link", self.root.shown(&path));
                    return Err(io::Error::new(io::ErrorKind::Unsupported, what));
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, found: &FileStat) -> io::Result<()> {
        let (name, properties) = (entry_name(path), self.properties(found)?);
        if found.st_nlink > 1 {
            let id = (found.st_dev, found.st_ino);
            if let Some(first) = self.links.get(&id) {
                return self.tarball.add(EntryType::Link, &name, &properties, first, 0, io::empty());
            }
            self.links.insert(id, name.clone());
        }
        let file = File::from(self.root.file(path, OFlag::O_RDONLY | OFlag::O_NOFOLLOW)?);
        self.note_attributes(path, &file)?;
        let size = u64::try_from(found.st_size).map_err(io::Error::other)?;
        self.tarball.add(EntryType::Regular, &name, &properties, b"", size, file.take(size))
    }

    fn note_attributes(&mut self, path: &Path, file: &File) -> io::Result<()> {
        for name in file.list_xattr()? {
            let value = file.get_xattr(&name)?.unwrap_or_default();
            let value = attributes::inside(name.as_bytes(), value, self.root.ids())?;
            let path = path.as_os_str().as_bytes().to_vec();
            self.attributes.push(Attribute { path, name: name.into_vec(), value });
        }
        Ok(())
    }

    fn properties(&self, found: &FileStat) -> io::Result<Properties> {
        let inside = |id: u32| {
            let foreign = || io::Error::other(format!("a file of {} belongs to no user of it", self.root.shown("")));
            self.root.ids().inside(id).ok_or_else(foreign)
        };
        let mtime = u64::try_from(found.st_mtime).unwrap_or_default();
        Ok(Properties { mode: found.st_mode & 0o7777, uid: inside(found.st_uid)?, gid: inside(found.st_gid)?, mtime })
    }
}

/// The name of a path in the archive, without the slash that ends a folder's.
fn entry_name(path: &Path) -> Vec<u8> {
    [b"./", path.as_os_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::process::Command;

    use super::*;
    use crate::system::userns::Ids;

    /// A tree of all kinds, and another that was saved and loaded.
    fn pair(make: impl Fn(&Path)) -> (tempfile::TempDir, io::Result<()>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::create(&folder.path().join("one"), Ids::SAME).unwrap();
        make(&folder.path().join("one"));
        let mut kept = Vec::new();
        let saved = save(&root, &mut kept, 2);
        (folder, saved, kept)
    }

    #[test]
    fn what_comes_back_is_what_was_kept() {
        let long = "l".repeat(180);
        let (folder, saved, kept) = pair(|root| {
            fs::create_dir_all(root.join(&long).join("deep")).unwrap();
            fs::write(root.join(&long).join("deep").join(&long), "x").unwrap();
            fs::write(root.join("first"), vec![7; 200_000]).unwrap();
            fs::hard_link(root.join("first"), root.join(&long).join("second")).unwrap();
            fs::set_permissions(root.join("first"), PermissionsExt::from_mode(0o4755)).unwrap();
            fs::set_permissions(root.join(&long), PermissionsExt::from_mode(0o1750)).unwrap();
            symlink("no//where/", root.join("link")).unwrap();
            symlink(format!("../{long}//"), root.join("long link")).unwrap();
            fs::write(root.join(OsStr::from_bytes(b"\xff")), "").unwrap();
            xattr::set(root.join("first"), "user.colour", b"blue").unwrap();
            xattr::set(root, "user.of the root", b"\0").unwrap();
            for path in ["first", "link", "."] {
                let touch = ["-h", "-d", "2020-02-03 04:05:06.5"];
                assert!(Command::new("touch").args(touch).arg(root.join(path)).status().unwrap().success());
            }
        });
        saved.unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        load(kept.as_slice(), &Root::create(&other, Ids::SAME).unwrap()).unwrap();
        // find(1) and diff(1) are the judges.
        let list = |root: &Path| {
            let format = "%P %y %#m %U:%G %n %l %Ts\\n";
            let output = Command::new("find").arg(root).args(["-printf", format]).output().unwrap();
            let mut lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        assert_eq!(list(&one).len(), 9);
        assert_eq!(list(&one), list(&other));
        assert!(Command::new("diff").args(["-r", "--no-dereference"]).args([&one, &other]).status().unwrap().success());
        assert_eq!(xattr::get(other.join("first"), "user.colour").unwrap().unwrap(), b"blue");
        assert_eq!(xattr::get(&other, "user.of the root").unwrap().unwrap(), b"\0");
        assert_eq!(digest(&root(&one)).unwrap(), digest(&root(&other)).unwrap());
        let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
        assert_eq!(inode(other.join("first")), inode(other.join(&long).join("second")));
    }

    fn root(path: &Path) -> Root {
        Root::open(path, Ids::SAME).unwrap()
    }

    #[test]
    fn the_digest_tells_every_change() {
        let (folder, saved, _) = pair(|root| {
            fs::create_dir(root.join("folder")).unwrap();
            fs::write(root.join("file"), "text").unwrap();
            fs::hard_link(root.join("file"), root.join("folder/other")).unwrap();
            symlink("file", root.join("link")).unwrap();
        });
        saved.unwrap();
        let path = folder.path().join("one");
        let mut found = vec![digest(&root(&path)).unwrap()];
        let changes = [
            "printf texT | dd of=file conv=notrunc status=none && touch -r folder file",
            "chmod 600 file",
            "touch -d 2001-02-03 folder/other",
            "ln -sfn other link",
            "cp --remove-destination --preserve=all file folder/other",
            "setfattr -n user.colour -v blue file || python3 -c \"import os; os.setxattr('file', 'user.colour', b'blue')\"",
            "touch folder/new",
            "rm folder/new folder/other && touch -d 2001-02-03 folder",
            "chown 1:0 file || chmod 601 file",
        ];
        for change in changes {
            let done = Command::new("sh").args(["-ec", change]).current_dir(&path).output().unwrap();
            assert!(done.status.success(), "{change}: {}", String::from_utf8_lossy(&done.stderr));
            let now = digest(&root(&path)).unwrap();
            assert!(!found.contains(&now), "{change}");
            found.push(now);
        }
    }

    #[test]
    fn a_damaged_file_is_noticed_wherever_the_damage_is() {
        let (folder, saved, kept) = pair(|root| {
            let noise: Vec<u8> = (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            fs::write(root.join("noise"), noise).unwrap();
        });
        saved.unwrap();
        for place in [0, 40, kept.len() / 2, kept.len() - 3] {
            let mut damaged = kept.clone();
            damaged[place] ^= 1;
            let other = Root::create(&folder.path().join(place.to_string()), Ids::SAME).unwrap();
            assert!(load(damaged.as_slice(), &other).is_err(), "byte {place} of {}", kept.len());
        }
        let other = Root::create(&folder.path().join("cut"), Ids::SAME).unwrap();
        assert!(load(&kept[..kept.len() - 1], &other).is_err());
    }

    #[test]
    fn a_device_or_a_pipe_is_not_kept() {
        let (_folder, saved, _) = pair(|root| {
            nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        });
        assert_eq!(saved.unwrap_err().kind(), io::ErrorKind::Unsupported);
    }
}
