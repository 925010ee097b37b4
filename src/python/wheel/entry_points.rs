//! `entry_points.txt` ("Entry points specification"): the programs that a library asks to be made → their scripts.

/// A program that calls a function of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryPoint {
    pub(super) name: String,
    module: String,
    /// `main`, or `App.run`.
    function: String,
}

/// Reads the sections `console_scripts` and `gui_scripts`. The error is a phrase.
pub(super) fn parse(text: &str) -> Result<Vec<EntryPoint>, String> {
    let (mut in_scripts, mut found) = (false, Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
        if let Some(section) = line.strip_prefix('[') {
            in_scripts = matches!(section.trim_end_matches(']'), "console_scripts" | "gui_scripts");
        } else if in_scripts {
            let entry =
                entry(line).ok_or_else(|| format!("entry_points.txt: `{}` cannot be read", line.escape_debug()))?;
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
    }
    Ok(found)
}

/// Reads `NAME = MODULE:FUNCTION [EXTRA]`.
fn entry(line: &str) -> Option<EntryPoint> {
    let (name, target) = line.split_once('=')?;
    let target = target.split('[').next()?;
    let (module, function) = target.split_once(':')?;
    let (name, module, function) = (name.trim(), module.trim(), function.trim());
    let is_name = !name.is_empty()
        && !name.starts_with(['.', '-'])
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c));
    let dotted = |text: &str| text.split('.').all(is_python_name);
    let valid = is_name && dotted(module) && dotted(function);
    valid.then(|| EntryPoint { name: name.to_owned(), module: module.to_owned(), function: function.to_owned() })
}

fn is_python_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

impl EntryPoint {
    /// The script. It finds the libraries by itself, so it runs from any shell.
    pub(super) fn script(&self, libraries: &str) -> String {
        let Self { module, function, .. } = self;
        let first = function.split('.').next().unwrap_or(function);
        format!(
            "#!/usr/bin/python3\nimport sys\n\nsys.path[0] = \"{libraries}\"\n\nfrom {module} import {first}  # noqa: E402\n\n\
             if __name__ == \"__main__\":\n    sys.exit({function}())\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_read() {
        let text = "[console_scripts]\nflask = flask.cli:main\nx-y=a.b : C.run [extra]\n\n[other]\nbad line\n";
        let found = parse(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].name.as_str(), found[1].function.as_str()), ("x-y", "C.run"));
        assert!(found[1].script("/usr/lib/shop/python3").contains("from a.b import C "));
        for bad in ["a = b", "../a = b:c", "a = b:c;d", "a = b-c:d", "a b = c:d", " = a:b", "a/b = c:d"] {
            assert!(parse(&format!("[gui_scripts]\n{bad}\n")).is_err(), "{bad}");
        }
    }
}
