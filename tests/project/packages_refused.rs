//! What no stack with several packages can have: each mistake is one clear error, and nothing is written.

use support::{listing, stackdeb, text};

use super::packages::project;
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    support::tests![what_no_stack_can_have_is_refused]
}

/// The further packages and files of a mistake, and words of its error.
fn what_no_stack_can_have_is_refused() {
    let tools = "[[package]]\nname = \"stack-tools\"\nsummary = \"tools for the shop\"";
    let file = |path: &str, package: &str| {
        format!("[[file]]\npath = \"{path}\"\nsource = \"files/prices\"\npackage = \"{package}\"\n")
    };
    let one = file("/etc/tools", "stack-tools");
    let cases: Vec<(String, String, Vec<&str>)> = vec![
        (
            format!("{tools}\n{tools}"),
            one.clone(),
            vec!["package.name", "another package of this file", "the other one"],
        ),
        (tools.replace("stack-tools", "stack"), String::new(), vec!["`stack` is the name of another package"]),
        (
            tools.to_owned(),
            file("/etc/tools", "stack-tool"),
            vec!["file.package", "did you mean", "stack, stack-tools"],
        ),
        (tools.to_owned(), String::new(), vec!["no file is in the package `stack-tools`"]),
        (tools.replace("stack-tools", "stack-dbgsym"), file("/etc/x", "stack-dbgsym"), vec!["ends with `-dbgsym`"]),
        (tools.replace("stack-tools", "Tools"), file("/etc/x", "Tools"), vec!["package.name", "character `T`"]),
        (format!("{tools}\nlicense = \"MIT\""), one.clone(), vec!["package.license", "no such key"]),
        (format!("{tools}\nconflicts = [\"a1 | b1\"]"), one.clone(), vec!["package.conflicts", "has alternatives"]),
        (
            format!("{tools}\nprovides = [\"a1 (>= 2)\"]"),
            one.clone(),
            vec!["package.provides", "only `=` may stand before it here"],
        ),
        (format!("{tools}\ndepends = [\"stack-tools\"]"), one.clone(), vec!["is the package itself"]),
        (
            format!("{tools}\npre-depends = [\"stack-tools (>= 1)\"]"),
            one.clone(),
            vec!["package.pre-depends", "is the package itself"],
        ),
        (format!("{tools}\npre-depends = [\"dpkg, jq\"]"), one.clone(), vec!["package.pre-depends", "more than one"]),
        (
            format!(
                "{tools}\npre-depends = [\"stack-data\"]\n[[package]]\nname = \"stack-data\"\nsummary = \"data of the shop\"\ndepends = [\"stack-tools\"]"
            ),
            format!("{one}{}", file("/etc/data", "stack-data")),
            vec![
                "stack-tools pre-depends on stack-data, which in turn needs stack-tools",
                "into `depends` of stack-tools",
            ],
        ),
        (tools.to_owned(), format!("{one}{}", file("/etc/tools", "stack")), vec!["another [[file]]", "the other one"]),
        (
            tools.to_owned(),
            format!("{one}owner = \"root:stack\"\n"),
            vec!["file.owner", "may be installed before it is there"],
        ),
        (
            tools.to_owned(),
            file("/usr/share/stack/app.py", "stack-tools"),
            vec!["in the package `stack-tools`", "files/prices", "in the package `stack`", "app/app.py"],
        ),
        (
            tools.to_owned(),
            file("/etc/stack/health.toml/x", "stack-tools"),
            vec!["/etc/stack/health.toml", "a file that stackdeb makes in the package `stack`"],
        ),
        (
            tools.to_owned(),
            "[[file]]\npath = \"/etc/stack\"\nfolder = true\nmode = \"0700\"\npackage = \"stack-tools\"".to_owned(),
            vec!["a folder of mode 0700 in the package `stack-tools`"],
        ),
    ];
    for (further, files, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        project(folder.path(), &format!("\n{further}\n"), &files);
        let before = listing(folder.path());
        let output = stackdeb().arg("deb").current_dir(folder.path()).env("COLUMNS", "400").output().unwrap();
        let said = text(&output)
            .split(|c: char| c.is_whitespace() || c == '│')
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(output.status.code(), Some(1), "{further}\n{files}\n{said}");
        for word in words {
            assert!(said.contains(word), "no `{word}` for\n{further}\n{files}\n{said}");
        }
        assert_eq!(listing(folder.path()), before);
    }
}
