//! `[app] kind` and `server` in a manifest: what each takes, how its application is named, and what belongs to another one.

use std::fs;

use super::{MINIMAL, one_line, project, refusal, stackdeb};
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    support::tests![
        an_asgi_application_is_named_when_it_is_built,
        an_application_that_a_function_makes_is_named_by_the_function,
        a_kind_and_its_server_fit_each_other_and_the_application,
        what_belongs_to_another_kind_is_refused
    ]
}

fn an_asgi_application_is_named_when_it_is_built() {
    let folder = project(MINIMAL);
    fs::write(folder.path().join("app/app.py"), "from fastapi import FastAPI\n\napp = FastAPI()\n").unwrap();
    let output = stackdeb(folder.path(), &["check"]);
    let report = one_line(&output.stderr);
    assert!(!output.status.success(), "{report}");
    for word in ["ASGI application (FastAPI)", "status 500", "kind = \"asgi\""] {
        assert!(report.contains(word), "`{word}` is missing: {report}");
    }
    // A project that brings its own worker knows what it does.
    fs::create_dir(folder.path().join("debian")).unwrap();
    let conf = "worker_class = \"uvicorn.workers.UvicornWorker\"\n";
    fs::write(folder.path().join("debian/gunicorn.conf.py"), conf).unwrap();
    let output = stackdeb(folder.path(), &["check"]);
    assert!(output.status.success(), "{}", one_line(&output.stderr));
}

/// Flask's own documentation makes the application in a function (https://flask.palletsprojects.com/patterns/appfactories/).
fn an_application_that_a_function_makes_is_named_by_the_function() {
    let folder = project(MINIMAL);
    let code = "import flask\n\ndef create_app():\n    app = flask.Flask(__name__)\n    return app\n";
    let main = "\nif __name__ == \"__main__\":\n    app = create_app()\n    app.run()\n";
    for code in [code.to_owned(), format!("{code}{main}")] {
        fs::write(folder.path().join("app/app.py"), code).unwrap();
        let output = stackdeb(folder.path(), &["check"]);
        let report = one_line(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{report}");
        for word in ["`app` only inside of `def create_app():`", "module = \"app:create_app()\""] {
            assert!(report.contains(word), "`{word}` is missing: {report}");
        }
    }
    let factory = MINIMAL.replace("[app]\n", "[app]\nmodule = \"app:create_app()\"\n");
    fs::write(folder.path().join("stack.toml"), factory).unwrap();
    let output = stackdeb(folder.path(), &["check"]);
    assert!(output.status.success(), "{}", one_line(&output.stderr));
}

fn a_kind_and_its_server_fit_each_other_and_the_application() {
    let check = |lines: &str, code: &str| {
        let folder = project(MINIMAL.replace("[app]\n", &format!("[app]\n{lines}\n")));
        fs::write(folder.path().join("app/app.py"), code).unwrap();
        let output = stackdeb(folder.path(), &["check"]);
        if output.status.success() { String::new() } else { one_line(&output.stderr) }
    };
    let (asgi, wsgi) = ("app = FastAPI()\n", "app = Flask(__name__)\n");
    for (lines, code) in [
        ("kind = \"asgi\"", asgi),
        ("kind = \"asgi\"\nserver = \"uvicorn\"", asgi),
        ("kind = \"asgi\"\nserver = \"gunicorn\"", asgi),
        ("kind = \"wsgi\"\nserver = \"gunicorn\"", wsgi),
        ("server = \"uwsgi\"", wsgi),
    ] {
        assert_eq!(check(lines, code), "", "{lines}");
    }
    let cases: &[(&str, &str, &[&str])] = &[
        ("kind = \"asgi\"", wsgi, &["WSGI application (Flask)", "leave `kind` out"]),
        ("kind = \"asgi\"\nthreads = 4", asgi, &["app.threads", "ASGI"]),
        ("server = \"uvicorn\"", wsgi, &["app.server", "kind = \"asgi\""]),
        ("kind = \"asgi\"\nserver = \"granian\"", asgi, &["granian", "Debian does not have it", "requirements"]),
        ("server = \"granian\"", wsgi, &["granian", "Debian does not have it", "requirements"]),
        ("kind = \"asgi\"\nserver = \"uwsgi\"", asgi, &["app.server", "`uwsgi`", "uvicorn"]),
        ("server = \"waitress\"", wsgi, &["waitress", "gunicorn"]),
        ("kind = \"rsgi\"", wsgi, &["app.kind", "wsgi", "asgi"]),
    ];
    for (lines, code, words) in cases {
        let report = check(lines, code);
        for word in *words {
            assert!(report.contains(word), "`{lines}` gives no `{word}`:\n{report}");
        }
    }
}

/// Each kind has keys and tables of its own; those of another kind would have no effect.
fn what_belongs_to_another_kind_is_refused() {
    let refused = |app: &str, tables: &str| {
        let manifest = MINIMAL.replace("[app]\ndepends = [\"python3-flask\"]", &format!("[app]\n{app}\n{tables}"));
        refusal(manifest)
    };
    for (app, tables, words) in [
        ("kind = \"static\"\nmodule = \"app:app\"", "", &["app.module", "not for the kind `static`", "`wsgi`"][..]),
        ("kind = \"static\"\nworkers = 2", "", &["app.workers", "not for the kind `static`"]),
        ("kind = \"static\"\ndepends = [\"python3-flask\"]", "", &["app.depends", "not for the kind `static`"]),
        ("kind = \"static\"\nenvironment = { A = \"b\" }", "", &["app.environment", "not for the kind `static`"]),
        ("publish = \"public\"", "", &["app.publish", "not for the kind `wsgi`", "`static`"]),
        ("kind = \"asgi\"\nfallback = \"index.html\"", "", &["app.fallback", "not for the kind `asgi`"]),
        ("kind = \"static\"", "[database]", &["database: is for programs", "nginx serves its files"]),
        ("kind = \"static\"", "[service.valkey]", &["service: is for programs"]),
        ("kind = \"static\"", "[worker.mail]\ncommand = \"sleep 9\"", &["worker: is for programs"]),
        ("kind = \"static\"", "[timer.tidy]\ncommand = \"sleep 9\"\nschedule = \"daily\"", &["timer: is for programs"]),
        ("kind = \"static\"\npublish = \"../app\"", "", &["app.publish", "inside the app's folder"]),
        ("kind = \"static\"\npublish = \"public\"", "", &["app.publish", "there is no folder"]),
        ("kind = \"static\"\nfallback = \"../index.html\"", "", &["app.fallback", "empty, `.` or `..`"]),
        ("kind = \"exec\"", "", &["app.command: is missing", "node server.js"]),
        ("kind = \"exec\"\ncommand = \"bin/nothing\"", "", &["app.command", "there is no file"]),
        (
            "kind = \"exec\"\ncommand = \"sleep 9\"\nmodule = \"app:app\"",
            "",
            &["app.module", "not for the kind `exec`"],
        ),
        ("kind = \"exec\"\ncommand = \"sleep 9\"\nlisten = \"pot\"", "", &["app.listen", "did you mean `port`?"]),
        ("kind = \"exec\"\ncommand = \"sleep 9\"\nport = 8001", "", &["app.port", "listens on a port"]),
        (
            "kind = \"exec\"\ncommand = \"sleep 9\"\nlisten = \"port\"",
            "[site]\nport = 8000",
            &["app.port", "nginx listens there"],
        ),
        ("kind = \"exec\"\ncommand = \"node server.js\"", "", &["`node`", "Debian's package nodejs"]),
        ("command = \"sleep 9\"", "", &["app.command", "not for the kind `wsgi`", "`exec`"]),
        ("kind = \"static\"\njit = true", "", &["app.jit", "not for the kind `static`"]),
        ("kind = \"static\"", "", &["no index.html", "[health] path"]),
        ("kind = \"static\"\npublish = \"empty\"", "", &["app/empty has no index.html"]),
    ] {
        let report = refused(app, tables);
        for word in words {
            assert!(report.contains(word), "`{app}` with `{tables}` gives no `{word}`:\n{report}");
        }
    }
    // With the pages there, it passes.
    let manifest = "[app]\nkind = \"static\"\nfallback = \"index.html\"";
    let folder = project(MINIMAL.replace("[app]\ndepends = [\"python3-flask\"]", manifest));
    fs::write(folder.path().join("app/index.html"), "hello").unwrap();
    let output = stackdeb(folder.path(), &["check"]);
    assert!(output.status.success(), "{}", one_line(&output.stderr));
    fs::rename(folder.path().join("app/index.html"), folder.path().join("app/status.html")).unwrap();
    let report = one_line(&stackdeb(folder.path(), &["check"]).stderr);
    assert!(report.contains("no index.html that is packed"), "{report}");
}
