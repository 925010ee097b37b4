//! `stackdeb check`: a manifest that is enough, and every mistake with its place and what to do.

use std::fs;

use super::{MINIMAL, one_line, project, refusal, stackdeb, with_line};
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    support::tests![
        a_minimal_manifest_is_enough,
        every_mistake_is_shown_at_its_line,
        a_variable_that_no_program_could_be_started_with_is_refused,
        each_example_is_short_and_passes,
        mistakes_in_workers_and_timers_are_refused,
        mistakes_are_shown_together,
        a_changelog_goes_from_new_to_old,
        files_that_are_no_manifests_are_refused
    ]
}

fn a_minimal_manifest_is_enough() {
    let folder = project(MINIMAL);
    let output = stackdeb(folder.path(), &["check"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for words in
        ["dist/guest-book_1.0.0_amd64.deb", "dist/guest-book-1.0.0-linode.img.gz", "guest-book.socket", "trixie"]
    {
        assert!(text.contains(words), "{text}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("stack.toml");
    let output = stackdeb(elsewhere.path(), &["check", "--json", manifest.to_str().unwrap()]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["package"], "guest-book_1.0.0_amd64.deb");
    assert_eq!(json["site"]["port"], 80);
    assert_eq!(json["database"], serde_json::Value::Null);
}

fn every_mistake_is_shown_at_its_line() {
    // The number of the line that is replaced, what stands there instead, and the words of the report.
    let cases: &[(usize, &str, &[&str])] = &[
        (2, "name = \"Guest\"", &["stack.toml:2:", "package.name", "`G`"]),
        (2, "name = \"nginx\"", &["stack.toml:2:", "itself needs"]),
        (2, "name = \"a.b\"", &["stack.toml:2:", "system user"]),
        (2, "name = \"adduser\"", &["stack.toml:2:", "the image has"]),
        (2, "name = \"dhcpcd\"", &["stack.toml:2:", "the image has"]),
        (2, "name = \"tmp\"", &["stack.toml:2:", "a unit of systemd"]),
        (2, "name = \"debian\"", &["stack.toml:2:", "log in"]),
        (2, "name = \"shop-health\"", &["stack.toml:2:", "`-health`", "`shop`"]),
        (2, "name = \"shop-database\"", &["stack.toml:2:", "`-database`"]),
        (2, "nam = \"guest-book\"", &["stack.toml:2:", "did you mean `name`", "is missing"]),
        (2, "name = 5", &["stack.toml:2:", "a whole number", "a string"]),
        (2, "name = \"aa\"\nname = \"bb\"", &["stack.toml:3:", "second time"]),
        (2, "name = \"guest-book", &["stack.toml:2:", "not TOML"]),
        (3, "maintainer = \"Jane Doe\"", &["stack.toml:3:", "address"]),
        (3, "maintainer = \"Jane\\nDepends: x <jane@example.org>\"", &["stack.toml:3:", "line break"]),
        (4, "summary = \"A web application.\"", &["stack.toml:4:", "article"]),
        (4, "summary = \"guest-book of visits\"", &["stack.toml:4:", "package's name"]),
        (5, "license-file = \"app/app.py\"", &["package.license", "is missing"]),
        (5, "license = \"MITT\"", &["stack.toml:5:", "did you mean `MIT`"]),
        (5, "license = \"proprietary\"\nlicense-file = \"NOWHERE\"", &["stack.toml:6:", "no file", "NOWHERE"]),
        (5, "license = \"MIT\"\nversion = \"1_0\"", &["stack.toml:6:", "`_`"]),
        (5, "license = \"MIT\"\nversion = \"1.0.1\"", &["stack.toml:6:", "1.0.1 is not 1.0.0"]),
        (5, "license = \"MIT\"\nsection = \"wob\"", &["stack.toml:6:", "did you mean `web`"]),
        (5, "license = \"MIT\"\npriority = \"extra\"", &["stack.toml:6:", "priority"]),
        (5, "license = \"MIT\"\ncompression = \"bzip2\"", &["stack.toml:6:", "compression"]),
        (5, "license = \"MIT\"\ndepends = [\"foo (>> 1\"]", &["stack.toml:6:", "bracket"]),
        (5, "license = \"MIT\"\nhomepage = \"example.org\"", &["stack.toml:6:", "https://"]),
        (7, "depends = [\"aa\",\n \"bb, cc\"]", &["stack.toml:8:", "more than one relation"]),
        (7, "depends = \"python3-flask\"", &["stack.toml:7:", "a list"]),
        (7, "folder = \"nowhere\"", &["stack.toml:7:", "no folder", "nowhere"]),
        (7, "folder = \".\"", &["stack.toml:7:", "is the folder of stack.toml"]),
        (7, "module = \"app\"", &["stack.toml:7:", "MODULE:VARIABLE"]),
        (7, "module = \"wsgi:app\"", &["stack.toml:7:", "wsgi.py"]),
        (7, "module = \"app:app\\nUser=root\"", &["stack.toml:7:", "MODULE:VARIABLE"]),
        (7, "workers = 0", &["stack.toml:7:", "from 1 to 1024"]),
        (7, "threads = -1", &["stack.toml:7:", "from 1 to 1024"]),
        (7, "environment = { \"A-B\" = \"x\" }", &["stack.toml:7:", "environment variable"]),
        (7, "environment = { A = \"x\\nB=y\" }", &["stack.toml:7:", "line break"]),
        (7, "environment = { A = \"x\\u0000\" }", &["stack.toml:7:", "NUL"]),
        (7, "environment = { A = \"x\\uFDD0\" }", &["stack.toml:7:", "noncharacter", "U+FDD0"]),
        (7, "module = \"app:nothere\"", &["stack.toml:7:", "no variable or function `nothere`", "app.py"]),
        (7, "folder = \"dist\"", &["stack.toml:7:", "no folder"]),
        (7, "include = [\"[\"]", &["stack.toml:7:", "not a pattern"]),
        (7, "exclude = [\"../x\"]", &["stack.toml:7:", "not a path in the app's folder"]),
        (7, "[site]\nport = 65536", &["stack.toml:8:", "site.port", "65536"]),
        (7, "[site]\nport = 0", &["stack.toml:8:", "from 1 to 65535"]),
        (7, "[site]\nport = \"80\"", &["stack.toml:8:", "without quotes"]),
        (7, "[site]\nprot = 80", &["stack.toml:8:", "did you mean `port`"]),
        (7, "[site]\nmax_body_size = \"1m\"", &["stack.toml:8:", "did you mean `max-body-size`"]),
        (7, "[site]\nserver-names = [\"a.org; return 200\"]", &["stack.toml:8:", "server name"]),
        (7, "[site]\nserver-names = []", &["stack.toml:8:", "empty list"]),
        (7, "[site]\nmax-body-size = \"10m;\"", &["stack.toml:8:", "not a size"]),
        (7, "[database]\nname = \"a'b\"", &["stack.toml:8:", "database name"]),
        (7, "[database]\nname = \"template1\"", &["stack.toml:8:", "PostgreSQL's own"]),
        (7, "[database]\nmigrations = \"nowhere\"", &["stack.toml:8:", "no folder"]),
        (7, "[database]\nmigrations = \"empty\"", &["stack.toml:8:", ".sql"]),
        (7, "[database]\nmigrations = \"../app\"", &["stack.toml:8:", "outside the app's folder"]),
        (7, "[health]\ninterval = \"5 parsecs\"", &["stack.toml:8:", "parsecs"]),
        (7, "[health]\non-boot = \"0\"", &["stack.toml:8:", "a second and a year"]),
        (7, "[health]\npath = \"/a b\"", &["stack.toml:8:", "a page's path"]),
        (7, "[health]\npath = \"/health-report\"", &["stack.toml:8:", "the health check's own page"]),
        (7, "[image]\nsuite = \"bookworm\"", &["makes no image for Linode", "22.4.2"]),
        (7, "[image]\nsuite = \"Debian 13\"", &["stack.toml:8:", "not a suite"]),
        (7, "[image]\nhostname = \"-a\"", &["stack.toml:8:", "host name"]),
        (7, "[image]\nkeyring = \"nowhere.gpg\"", &["stack.toml:8:", "nowhere.gpg"]),
        (7, "[image]\nfree-space = \"7G\"", &["stack.toml:8:", "does not fit"]),
        (7, "[image]\nmirror = \"mirror.example\"", &["stack.toml:8:", "web address"]),
        (7, "[imgae]", &["stack.toml:7:", "did you mean `image`"]),
        (10, "date = 2026-11-23", &["stack.toml:10:", "offset"]),
        (10, "date = 2026-11-23T10:00:00", &["stack.toml:10:", "offset"]),
        (10, "date = \"2026-11-23T10:00:00Z\"", &["stack.toml:10:", "without quotes"]),
        (10, "date = 1969-11-23T10:00:00Z", &["stack.toml:10:", "1970"]),
        (10, "", &["stack.toml:8:", "changelog.date", "is missing"]),
        (11, "changes = []", &["stack.toml:11:", "empty list"]),
    ];
    for (number, line, words) in cases {
        let report = refusal(with_line(*number, line));
        for word in *words {
            assert!(report.contains(word), "`{word}` is missing for `{line}`:\n{report}");
        }
    }
}

fn a_variable_that_no_program_could_be_started_with_is_refused() {
    // One argument or variable has at most 128 KiB with its name, `=` and a NUL (execve(2)): here 131072 is the last.
    for (length, fits) in [(131_069, true), (131_070, false), (140_000, false)] {
        let line = format!("environment = {{ AB = \"{}\" }}", "x".repeat(length - 1));
        if fits {
            assert!(stackdeb(project(with_line(7, &line)).path(), &["check"]).status.success(), "{length}");
        } else {
            let report = refusal(with_line(7, &line));
            assert!(report.contains("app.environment.AB") && report.contains("131072"), "{report:.300}");
        }
    }
    let many: String = (0..10).map(|n| format!("A{n} = \"{}\", ", "x".repeat(120_000))).collect();
    let report = refusal(with_line(7, &format!("environment = {{ {} }}", many.trim_end_matches(", "))));
    assert!(report.contains("app.environment") && report.contains("in all its variables"), "{report:.300}");
}

fn each_example_is_short_and_passes() {
    let folder = support::source_folder().join("examples");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let project = entry.unwrap().path();
        if !project.is_dir() {
            continue;
        }
        let name = project.file_name().unwrap().to_str().unwrap();
        assert!(readme.contains(&format!("[`{name}`]({name}/stack.toml)")), "{name} is not in examples/README.md");
        let lines = fs::read_to_string(project.join("stack.toml")).unwrap().lines().count();
        assert!(lines <= 25, "{name} has {lines} lines");
        seen += 1;
        if project.join("Cargo.toml").exists() {
            // Its program is compiled where it is installed: tests/server/kinds.rs.
            continue;
        }
        if project.join("requirements.txt").exists()
            || stackdeb::stack::load(&project).unwrap().app.build_command.is_some()
        {
            // Its libraries are downloaded, or its command run, where it is installed: tests/server.
            stackdeb::stack::load(&project).unwrap();
            continue;
        }
        let output = stackdeb(&project, &["check"]);
        assert!(output.status.success(), "{name}: {}", one_line(&output.stderr));
    }
    assert!(seen >= 2, "{seen} examples");
}

fn mistakes_in_workers_and_timers_are_refused() {
    // What stands after the last table, and the words of the report.
    let cases: &[(&str, &[&str])] = &[
        ("[worker.mail]", &["worker.mail.command: is missing", "celery"]),
        ("[worker.health]\ncommand = \"python3 a.py\"", &["worker.health", "each stack has"]),
        ("[worker.run-it]\ncommand = \"python3 a.py\"", &["`run-it`", "each stack has"]),
        ("[worker.Mail]\ncommand = \"python3 a.py\"", &["`Mail` is not a name for a worker"]),
        (
            "[timer.mail]\ncommand = \"python3 a.py\"\nschedule = \"often\"",
            &["timer.mail.schedule", "`often`", "*:0/15"],
        ),
        (
            "[timer.mail]\ncommand = \"python3 a.py\"\nschedule = \"*-02-30\"",
            &["timer.mail.schedule", "`*-02-30`", "there is no such day"],
        ),
        (
            "[timer.mail]\ncommand = \"python3 a.py\"\nschedule = \"2025-01-01\"",
            &["timer.mail.schedule", "its last day is 2025-01-01", "the newest version in the changelog"],
        ),
        ("[worker.mail]\ncommand = \"a | b\"", &["no shell runs it", "sh -c"]),
        ("[worker.mail]\ncommand = \"bin/none\"", &["there is no file", "app/bin/none"]),
        ("[worker.mail]\ncommand = \"./app.py\"", &["app/app.py is not executable", "python3 app.py"]),
        (
            "[worker.mail]\ncommand = \"celery -A app worker\"",
            &["[worker.mail]", "Debian's package celery", "[app] depends"],
        ),
        ("[worker.mail]\ncommand = \"python3 a.py\"\nprocesses = 65", &["worker.mail.processes", "from 1 to 64"]),
        ("[worker.mail]\ncommand = \"python3 a.py\"\nmemory-max = \"1M\"", &["worker.mail.memory-max", "16M"]),
        ("[worker.mail]\ncommand = \"python3 a.py\"\ncpu-quota = \"half\"", &["worker.mail.cpu-quota", "percentage"]),
        ("[worker.mail]\ncommand = \"python3 a.py\"\nproceses = 2", &["did you mean `processes`"]),
        (
            "[worker.mail]\ncommand = \"python3 a.py\"\nprocesses = 2\n[worker.mail-2]\ncommand = \"python3 b.py\"",
            &["worker.mail-2", "another worker or timer"],
        ),
        (
            "[worker.mail]\ncommand = \"python3 a.py\"\n[timer.mail]\ncommand = \"python3 b.py\"\nschedule = \"daily\"",
            &["timer.mail", "another worker or timer"],
        ),
    ];
    for (tables, words) in cases {
        let report = refusal(format!("{MINIMAL}{tables}\n"));
        for word in *words {
            assert!(report.contains(word), "`{tables}` gives no `{word}`:\n{report}");
        }
    }
    let left_out = MINIMAL.replace("[app]\n", "[app]\nexclude = [\"*.sh\"]\n");
    let folder = project(format!("{left_out}[worker.mail]\ncommand = \"./go.sh\"\n"));
    fs::write(folder.path().join("app/go.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(folder.path().join("app/go.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = stackdeb(folder.path(), &["check"]);
    let report = one_line(&output.stderr);
    assert!(!output.status.success() && report.contains("./go.sh of [worker.mail] is left out"), "{report}");

    let tables = "[worker.mail]\ncommand = \"celery -A app worker\"\n[timer.tidy]\ncommand = \"python3 a.py\"\nschedule = \"daily\"\n";
    let folder = project(MINIMAL.replace("\"python3-flask\"", "\"python3-flask\", \"celery\"") + tables);
    let output = stackdeb(folder.path(), &["check", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["workers"][0]["command"], "celery -A app worker");
    let units: Vec<&str> = json["units"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str).collect();
    assert!(units.contains(&"guest-book-mail.service") && units.contains(&"guest-book-tidy.timer"), "{units:?}");
}

fn mistakes_are_shown_together() {
    let report = refusal(with_line(2, "name = \"Guest\"\nversion = \"1_0\"\ncolour = \"red\""));
    for word in ["3 mistakes", "stack.toml:2:", "stack.toml:3:", "stack.toml:4:", "colour"] {
        assert!(report.contains(word), "`{word}` is missing:\n{report}");
    }
}

fn a_changelog_goes_from_new_to_old() {
    let entry = |version: &str, date: &str| {
        format!("[[changelog]]\nversion = \"{version}\"\ndate = {date}\nchanges = [\"First.\"]\n")
    };
    let older = entry("0.9", "2026-11-01T10:00:00+01:00");
    assert!(stackdeb(project(format!("{MINIMAL}{older}")).path(), &["check"]).status.success());
    let later = refusal(format!("{MINIMAL}{}", entry("0.9", "2026-11-24T10:00:00Z")));
    assert!(later.contains("stack.toml:14:") && later.contains("not earlier"), "{later}");
    let higher = refusal(format!("{MINIMAL}{}", entry("1.0~", "2026-11-01T10:00:00Z").replace("1.0~", "1.0.0+1")));
    assert!(higher.contains("stack.toml:13:") && higher.contains("not lower"), "{higher}");
    let none = refusal(MINIMAL.lines().take(7).collect::<Vec<_>>().join("\n"));
    assert!(none.contains("changelog") && none.contains("is missing"), "{none}");
}

fn files_that_are_no_manifests_are_refused() {
    assert!(refusal("").contains("nothing in it"));
    assert!(refusal("# only a comment\n").contains("nothing in it"));
    let latin = refusal(b"[package]\nname = \"caf\xe9\"\n");
    assert!(latin.contains("stack.toml:2:") && latin.contains("UTF-8"), "{latin}");
    let folder = tempfile::tempdir().unwrap();
    let output = stackdeb(folder.path(), &["check"]);
    assert!(!output.status.success() && one_line(&output.stderr).contains("no stack.toml"));
    let output = stackdeb(folder.path(), &["check", "nowhere.toml"]);
    assert!(!output.status.success() && one_line(&output.stderr).contains("nowhere.toml"));
}
