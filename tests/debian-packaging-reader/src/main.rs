//! Prints what the crate `debian-packaging` reads in a .deb, one fact a line, its parts separated by tabs:
//! `binary TEXT`, `field NAME VALUE` (line breaks as `\n`), `control NAME SIZE`, `data PATH TYPE MODE SIZE TARGET`.

use std::error::Error;
use std::fs::File;

use debian_packaging::deb::reader::{BinaryPackageEntry, BinaryPackageReader, ControlTarFile};
use futures::StreamExt;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: debian-packaging-reader FILE.deb")?;
    let mut reader = BinaryPackageReader::new(File::open(path)?)?;
    while let Some(member) = reader.next_entry() {
        match member? {
            BinaryPackageEntry::DebianBinary(text) => {
                println!("binary\t{}", String::from_utf8_lossy(text.get_ref()).escape_default());
            }
            BinaryPackageEntry::Control(mut control) => {
                for entry in control.entries()? {
                    let mut entry = entry?;
                    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                    let (header, file) = entry.to_control_file()?;
                    println!("control\t{name}\t{}", header.size()?);
                    if let ControlTarFile::Control(control) = file {
                        for field in control.iter_fields() {
                            println!("field\t{}\t{}", field.name(), field.value_str().replace('\n', "\\n"));
                        }
                    }
                }
            }
            BinaryPackageEntry::Data(data) => futures::executor::block_on(async {
                let archive = data.into_inner();
                let mut entries = archive.entries()?;
                while let Some(entry) = entries.next().await {
                    let entry = entry?;
                    let header = entry.header();
                    let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                    let target = entry.link_name_bytes().map(|t| String::from_utf8_lossy(&t).into_owned());
                    let (kind, mode, size) = (header.entry_type(), header.mode()?, header.size()?);
                    println!("data\t{path}\t{kind:?}\t{mode:o}\t{size}\t{}", target.unwrap_or_default());
                }
                Ok::<(), Box<dyn Error>>(())
            })?,
        }
    }
    Ok(())
}
