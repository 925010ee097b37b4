//! `[[file]]`: what the package then has, as dpkg-deb reads it, and what is refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use support::edition::edit;
use support::{default_stack, listing, run, stackdeb, text};

/// The default stack with these entries.
fn project(folder: &Path, entries: &str) {
    default_stack(folder);
    fs::write(folder.join("prices.conf"), "bread 3\n").unwrap();
    edit(&folder.join("stack.toml"), "[database]", &format!("{entries}\n[database]"));
}

#[test]
fn the_package_has_files_folders_and_links() {
    let folder = tempfile::tempdir().unwrap();
    let entries = "compression = \"none\"\n\n[[file]]\npath = \"/etc/prices/today.conf\"\nsource = \"prices.conf\"\nmode = \"600\"\n\
        [[file]]\npath = \"/usr/share/prices/today\"\nlink = \"/etc/prices/today.conf\"\n\
        [[file]]\npath = \"/opt/prices\"\nfolder = true\n\
        [[file]]\npath = \"/usr/share/prices/copy\"\nsource = \"prices.conf\"\n";
    default_stack(folder.path());
    fs::write(folder.path().join("prices.conf"), "bread 3\n").unwrap();
    let (first, rest) = entries.split_once("\n\n").unwrap();
    edit(&folder.path().join("stack.toml"), "\nlicense =", &format!("\n{first}\nlicense ="));
    edit(&folder.path().join("stack.toml"), "[database]", &format!("{rest}\n[database]"));
    run(stackdeb().arg("deb").current_dir(folder.path()));
    let package = folder.path().join("dist/stack.deb");
    let listed = run(Command::new("dpkg-deb").arg("-c").arg(&package));
    let one = |path: &str| {
        let line = listed
            .lines()
            .find(|line| line.split_whitespace().nth(5) == Some(path))
            .unwrap_or_else(|| panic!("{listed}"));
        let words: Vec<&str> = line.split_whitespace().collect();
        format!("{} {} {}", words[0], words[1], words[6..].join(" "))
    };
    assert_eq!(one("./etc/prices/today.conf"), "-rw------- root/root ");
    assert_eq!(one("./usr/share/prices/today"), "lrwxrwxrwx root/root -> /etc/prices/today.conf");
    assert_eq!(one("./opt/prices/"), "drwxr-xr-x root/root ");
    assert_eq!(one("./usr/share/prices/copy"), "-rw-r--r-- root/root ");
    let conffiles = run(Command::new("dpkg-deb").args(["-I"]).arg(&package).arg("conffiles"));
    let listed: Vec<&str> = conffiles.lines().collect();
    assert!(listed.contains(&"/etc/prices/today.conf") && listed.is_sorted(), "{conffiles}");
    assert!(!conffiles.contains("/usr/share"), "{conffiles}");
}

/// What no package can have, each with words of the error. Nothing is written.
#[test]
fn what_no_package_can_have_is_refused() {
    let source = "source = \"prices.conf\"";
    let cases = [
        (format!("[[file]]\n{source}"), vec!["file.path", "is missing"]),
        ("[[file]]\npath = \"/etc/x\"".to_owned(), vec!["none of the keys `source`, `folder` and `link`"]),
        (format!("[[file]]\npath = \"etc/x\"\n{source}"), vec!["file.path", "does not begin with `/`"]),
        (format!("[[file]]\npath = \"/usr/local/x\"\n{source}"), vec!["in /usr/local", "belongs to the administrator"]),
        (format!("[[file]]\npath = \"/bin/x\"\n{source}"), vec!["in /bin", "link to the folder of that name in /usr"]),
        (format!("[[file]]\npath = \"/etc/a/../x\"\n{source}"), vec!["there must be a name"]),
        (format!("[[file]]\npath = \"/etc/x\"\n{source}\nlink = \"y\""), vec!["file.link", "beside `source`"]),
        ("[[file]]\npath = \"/etc/x\"\nsource = \"nowhere\"".to_owned(), vec!["file.source", "no file", "nowhere"]),
        ("[[file]]\npath = \"/etc/x\"\nfolder = false".to_owned(), vec!["file.folder", "says nothing"]),
        (
            "[[file]]\npath = \"/etc/x\"\nlink = \"y\"\nmode = \"644\"".to_owned(),
            vec!["file.mode", "no use for a link"],
        ),
        (format!("[[file]]\npath = \"/etc/x\"\n{source}\nmode = \"4755\""), vec!["file.mode", "three octal digits"]),
        (
            format!("[[file]]\npath = \"/etc/x\"\n{source}\nowner = \"jane:jane\""),
            vec!["file.owner", "`www-data`, `stack`"],
        ),
        (
            format!("[[file]]\npath = \"/etc/x\"\n{source}\n[[file]]\npath = \"/etc/x\"\nfolder = true"),
            vec!["another [[file]]"],
        ),
        (format!("[[file]]\npath = \"/etc/x\"\n{source}\nowners = \"root\""), vec!["did you mean `owner`"]),
        // Only the whole package shows these.
        (
            format!("[[file]]\npath = \"/usr/share/stack/app.py\"\n{source}"),
            vec!["[[file]]", "app/app.py", "prices.conf"],
        ),
        (format!("[[file]]\npath = \"/etc/stack/health.toml\"\n{source}"), vec!["[[file]]", "stackdeb makes itself"]),
        ("[[file]]\npath = \"/etc/stack\"\nfolder = true\nmode = \"700\"".to_owned(), vec!["[[file]]", "/etc/stack"]),
        (format!("[[file]]\npath = \"/usr/share/stack/app.py/x\"\n{source}"), vec!["[[file]]", "not a folder"]),
    ];
    for (entries, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        project(folder.path(), &entries);
        let before = listing(folder.path());
        let output = stackdeb().args(["check"]).current_dir(folder.path()).output().unwrap();
        let said = text(&output)
            .split(|c: char| c.is_whitespace() || c == '│')
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(output.status.code(), Some(1), "{entries}\n{said}");
        for word in words {
            assert!(said.contains(word), "no `{word}` for\n{entries}\n{said}");
        }
        assert_eq!(listing(folder.path()), before);
    }
}
