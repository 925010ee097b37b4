//! Values that try to become something else in nginx's configuration and in the user data of an instance, as nginx and a
//! YAML parser read them. `hostile_text` does the same for units, the environment file and a shell.

use std::fs;
use std::path::Path;
use std::process::Command;

use stackdeb::render::user_data::{InstanceFacts, user_data};
use support::readers::yaml;
use support::stack::{rendered_file_of, stack};
use support::{run, stackdeb, text};

/// Texts that end a word, a string, a line or a block somewhere, or begin something there.
const HOSTILE: [&str; 17] = [
    "a; return 200 owned; #",
    "a{}",
    "a} server { listen 81; }",
    "\"a\"",
    "'a'",
    "$host",
    "${host}",
    "a\\",
    "a b",
    "a\nb",
    "a#b",
    "~^a",
    "a\u{85}b",
    "a\u{2028}b",
    "*",
    "",
    "-1",
];

/// Keys whose values are in nginx's configuration, with one that is good.
const KEYS: [(&str, &str, &str); 3] =
    [("site", "server-names", "www.example.org"), ("site", "max-body-size", "10m"), ("health", "path", "/healthz")];

/// A project whose manifest has this value for a key.
fn project(folder: &Path, section: &str, key: &str, value: &str) {
    let value = toml_text(value);
    let value = if key == "server-names" { format!("[{value}]") } else { value };
    fs::create_dir_all(folder.join("app")).unwrap();
    fs::write(folder.join("app/app.py"), "app = None\n").unwrap();
    let manifest = format!(
        "[package]\nname = \"shop\"\nversion = \"1.0\"\nmaintainer = \"Jane Doe <jane@example.org>\"\n\
         summary = \"place to buy things at\"\nlicense = \"MIT\"\ncopyright = [\"2026 Jane Doe <jane@example.org>\"]\n\
         [app]\n[{section}]\n{key} = {value}\n\
         [[changelog]]\nversion = \"1.0\"\ndate = 2026-11-22T10:00:00Z\nchanges = [\"First.\"]\n"
    );
    fs::write(folder.join("stack.toml"), manifest).unwrap();
}

/// A text as TOML has it between double quotes. JSON's escapes are TOML's (TOML 1.0, "String").
fn toml_text(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{85}', "\\u0085").replace('\u{7f}', "\\u007f")
}

/// The directives of a site, one a line, as nginx shows the configuration that it has read.
fn read_by_nginx(site: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    fs::write(folder.path().join("site"), site.replace("/etc/shop/", &format!("{at}/"))).unwrap();
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {at}/{kind};"));
    let main = format!(
        "pid {at}/pid; error_log {at}/error; events {{}} http {{ access_log off; {} include {at}/site; }}",
        temporary.concat()
    );
    fs::write(folder.path().join("nginx.conf"), main).unwrap();
    let mut nginx = Command::new("/usr/sbin/nginx");
    nginx.arg("-t").arg("-e").arg(folder.path().join("error")).arg("-c").arg(folder.path().join("nginx.conf"));
    let output = nginx.output().expect("this test needs the package nginx-light");
    if output.status.success() { Ok(text(&output)) } else { Err(text(&output)) }
}

/// Whatever `stackdeb check` takes, nginx reads as a value and nothing more.
#[test]
fn what_a_manifest_may_say_is_one_value_for_nginx() {
    let lines = |site: &str| site.lines().count();
    for (section, key, good) in KEYS {
        let plain = {
            let folder = tempfile::tempdir().unwrap();
            project(folder.path(), section, key, good);
            rendered_file_of(&stackdeb::stack::load(folder.path()).unwrap(), "/etc/nginx/sites-available/shop")
        };
        read_by_nginx(&plain).unwrap();
        let hostile = HOSTILE.iter().map(|hostile| (*hostile).to_owned());
        let after = HOSTILE.iter().map(|hostile| format!("{good}{hostile}"));
        for value in hostile.chain(after) {
            let folder = tempfile::tempdir().unwrap();
            project(folder.path(), section, key, &value);
            match stackdeb::stack::load(folder.path()) {
                Ok(stack) => {
                    let site = rendered_file_of(&stack, "/etc/nginx/sites-available/shop");
                    read_by_nginx(&site).unwrap_or_else(|said| panic!("{key} = {value:?}: {said}"));
                    assert_eq!(lines(&site), lines(&plain), "{key} = {value:?}");
                    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.~/*".contains(c);
                    assert!(value.chars().all(harmless), "{key} = {value:?} is taken");
                }
                Err(_) => {
                    let mut check = stackdeb();
                    let output = check.arg("check").arg(folder.path()).output().unwrap();
                    let said = text(&output);
                    assert!(output.status.code() == Some(1) && said.contains(key), "{key} = {value:?}: {said}");
                }
            }
        }
    }
    // It is nginx that judges: this is no value.
    read_by_nginx("server { listen 81; server_name a; return 200 owned; # b; }").unwrap_err();
}

/// Whatever a variable, a key or a host name has in it, cloud-init reads that and nothing more.
#[test]
fn user_data_says_to_a_yaml_parser_what_was_put_in() {
    let folder = tempfile::tempdir().unwrap();
    let stack = stack(folder.path());
    let values = [
        "x\"\nruncmd: [reboot]",
        "key: value # comment",
        "- list",
        "*ref &anchor !!tag | > % @ `",
        "{a: b} [c]",
        "ends in a backslash\\",
        "say \"hi\" 'there' $HOME ${x} $(id) `id`",
        "  blanks  ",
        "\ttab",
        "---",
        "ünïcode ☃ 😀 \u{202e}",
        "",
    ];
    for value in values {
        let keys = [format!("ssh-ed25519 AAAA {value}"), "second".to_owned()];
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        // A variable has one line: `stackdeb deploy` refuses another.
        let line = value.replace('\n', " ");
        let environment = [("A".to_owned(), line.clone()), ("B".to_owned(), "after".to_owned())];
        let facts = InstanceFacts {
            hostname: value,
            keys: &keys,
            environment: &environment,
            database_admin: &environment,
            balancers: &["192.0.2.0/24".to_owned()],
            further: &[],
            database_ca: Some("-----BEGIN CERTIFICATE-----\nMIIB: # {x}\n-----END CERTIFICATE-----"),
            host_key: None,
        };
        let told = yaml(&user_data(&stack, &facts).unwrap());
        let names: Vec<&String> = told.as_object().unwrap().keys().collect();
        assert_eq!(names, ["hostname", "runcmd", "users", "write_files"].map(str::to_owned).each_ref());
        assert_eq!(told["hostname"], value);
        assert_eq!(told["users"][0]["ssh_authorized_keys"], serde_json::json!(keys));
        let files = told["write_files"].as_array().unwrap();
        assert_eq!(files.len(), 4, "{value:?}");
        for file in &files[..2] {
            let script = format!("{}printf '%s|%s' \"$A\" \"$B\"", file["content"].as_str().unwrap());
            assert_eq!(run(Command::new("sh").args(["-c", &script])), format!("{line}|after"));
        }
    }
}
