//! A compressed image is what other programs take it for.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::process::Command;

use stackdeb::disk::gzip;
use stackdeb::system::progress::Reporter;

/// What a command prints first, up to white space.
fn first_word(script: &str, file: &std::path::Path) -> String {
    let output = Command::new("sh").args(["-c", script, "sh"]).arg(file).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap_or_default().to_owned()
}

#[test]
fn other_programs_read_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let (raw, compressed) = (folder.path().join("image"), folder.path().join("image.gz"));
    // A file as a file system is one: data, a hole, data that ends in the middle of a block.
    let mut file = File::create(&raw).unwrap();
    file.write_all(&std::fs::read("/proc/self/exe").unwrap()).unwrap();
    file.seek(SeekFrom::Start(50_000_000)).unwrap();
    file.write_all(include_bytes!("gzip_image.rs")).unwrap();

    let (input, output) = (File::open(&raw).unwrap(), File::create(&compressed).unwrap());
    let sizes = gzip::compress(&input, output, NonZeroUsize::new(2).unwrap(), None, Reporter::Silent).unwrap();

    assert_eq!(first_word(r#"gzip -t "$1""#, &compressed), "");
    let sum = first_word(r#"sha256sum "$1""#, &raw);
    assert_eq!(sizes.raw_sha256.to_string(), sum);
    assert_eq!(sizes.compressed_sha256.to_string(), first_word(r#"sha256sum "$1""#, &compressed));
    assert_eq!(sizes.compressed_bytes.to_string(), first_word(r#"stat -c %s "$1""#, &compressed));
    assert_eq!(first_word(r#"zcat "$1" | sha256sum"#, &compressed), sum);
    // zlib's `decompressobj` stops at the end of the first member.
    let python = r#"
python3 -c '
import hashlib, sys, zlib
member = zlib.decompressobj(31)
print(hashlib.sha256(member.decompress(open(sys.argv[1], "rb").read())).hexdigest(), member.eof, len(member.unused_data))
' "$1" | tr " " ,"#;
    assert_eq!(first_word(python, &compressed), format!("{sum},True,0"));
}
