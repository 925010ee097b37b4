//! Values that try to become something else in the file that they are written into. The programs that read the
//! files say what they read.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use stackdeb::render::package_files;
use stackdeb::stack::{stack_name, summary};
use support::stack::{rendered_file, stack};

/// Summaries that `stack.toml` may have.
const SUMMARIES: [&str; 8] = [
    r"ends in a backslash\",
    r"ends in two of them\\",
    "100% of %n and %%s and $HOME ${HOME} `id` $(id)",
    "\"quotes\" and 'apostrophes' and # a comment ; another",
    "<b>bold</b> & {{name}} {{#if name}} ${jndi} %{if} {% x %}",
    "[Service] User=root",
    "ünïcode ☃ \u{202e}backwards",
    "key: value, - list, |, >, !!tag, *ref, &anchor",
];

/// A summary stays one line: what follows it in a unit is read. `Marker=` is no key of systemd's, and systemd says so
/// when it reads that line, and only then.
#[test]
fn the_line_below_a_summary_is_read() {
    for text in SUMMARIES {
        assert!(summary(text, None).is_ok(), "{text}");
        let project = tempfile::tempdir().unwrap();
        fs::create_dir(project.path().join("units")).unwrap();
        let unit = "[Unit]\nDescription={{unit_value summary}}\nMarker=1\n[Service]\nExecStart=/bin/true\n";
        fs::write(project.path().join("units/health.service"), unit).unwrap();
        let mut stack = stack(project.path());
        stack.package.summary = text.to_owned();
        let rendered = package_files(&stack).unwrap();
        let path = "/usr/lib/systemd/system/guest-book-health.service";
        let file = project.path().join("guest-book-health.service");
        match rendered.payload.get(path) {
            Some(stackdeb::deb::PayloadEntry::File { content: stackdeb::deb::Content::Bytes(bytes), .. }) => {
                fs::write(&file, bytes).unwrap();
            }
            other => panic!("{other:?}"),
        }
        let mut verify = Command::new("systemd-analyze");
        let output = verify.args(["verify", "--man=no"]).arg(&file).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(":3:") && said.contains("Marker"), "{text}: {said}");
    }
}

/// No file that is made of the templates gets a line more or less, whatever the summary is.
#[test]
fn a_summary_changes_no_line_but_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let lines = |text: &str| -> Vec<(String, usize)> {
        let mut stack = stack(folder.path());
        stack.package.summary = text.to_owned();
        let rendered = package_files(&stack).unwrap();
        let count = |(path, entry): (&str, &stackdeb::deb::PayloadEntry)| match entry {
            stackdeb::deb::PayloadEntry::File { content: stackdeb::deb::Content::Bytes(bytes), .. } => {
                Some((path.to_owned(), bytes.iter().filter(|&&byte| byte == b'\n').count()))
            }
            _ => None,
        };
        rendered.payload.entries().into_iter().filter_map(count).collect()
    };
    let plain = lines("a plain one");
    for text in SUMMARIES {
        assert_eq!(lines(text), plain, "{text}");
    }
}

/// Values of variables, as a shell reads them from the environment file. systemd reads it by
/// the same rules (systemd.exec(5), `EnvironmentFile=`).
#[test]
fn a_variable_is_read_back_as_it_was_written() {
    let values = [
        r"ends in a backslash\",
        r"\\ two \n three \x41 \$ \` \'",
        "`id` $(id) ${HOME} $$ $1 %n",
        "\"quoted\" 'and' # not a comment ; nor this",
        " blanks around ",
        "\ttab",
        "=a=b=",
        "ünïcode ☃",
        "!history ~ * ? [a] {b,c}",
    ];
    for value in values {
        let folder = tempfile::tempdir().unwrap();
        let mut stack = stack(folder.path());
        stack.app.environment = vec![("A".to_owned(), value.to_owned()), ("B".to_owned(), "after".to_owned())];
        let text = environment_file(&stack);
        let mut shell = Command::new("sh");
        let output = shell.arg("-c").arg(format!("{text}\nprintf '%s|%s' \"$A\" \"$B\"")).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{value}|after"));
    }
}

fn environment_file(stack: &stackdeb::stack::Stack) -> String {
    match package_files(stack).unwrap().payload.get("/etc/guest-book/guest-book.env") {
        Some(stackdeb::deb::PayloadEntry::File { content: stackdeb::deb::Content::Bytes(bytes), .. }) => {
            String::from_utf8(bytes.clone()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

/// The one file that all maintainer scripts and units share is not named after the stack alone.
#[test]
fn no_file_in_a_shared_folder_has_a_plain_name() {
    let folder = tempfile::tempdir().unwrap();
    let rendered = package_files(&stack(folder.path())).unwrap();
    for shared in ["/usr/lib/tmpfiles.d", "/usr/lib/sysusers.d", "/etc/logrotate.d"] {
        let entries = rendered.payload.entries();
        let inside = entries.keys().filter(|path| Path::new(path).parent() == Some(Path::new(shared)));
        for path in inside {
            assert!(path.contains("/stackdeb-guest-book"), "{path} may be a file of another package");
        }
    }
    let postinst = rendered.scripts.postinst.unwrap();
    assert!(postinst.contains(" stackdeb-guest-book.conf"), "{postinst}");
    assert!(rendered_file(folder.path(), "/usr/lib/sysusers.d/stackdeb-guest-book.conf").contains("u guest-book "));
}

/// A stack whose name ends as a unit of another one would have that unit's file.
#[test]
fn no_name_ends_as_a_unit_does() {
    let folder = tempfile::tempdir().unwrap();
    for unit in stack(folder.path()).units() {
        let (stem, _) = unit.name.rsplit_once('.').unwrap();
        let ending = stem.strip_prefix("guest-book").unwrap();
        assert!(ending.is_empty() || stack_name(&format!("shop{ending}")).is_err(), "{ending}");
    }
}
