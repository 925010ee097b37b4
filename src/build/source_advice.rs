//! What to do when a library cannot be built from its source: the end of what the build has said → a sentence that names the
//! packages which it lacks.

use crate::control::Relations;

/// What compilers, linkers and build programs say when something is not there, and the packages that have it.
const SIGNS: [(&[&str], &str); 6] = [
    (&["Python.h"], "\"gcc\", \"python3-dev\""),
    (&["pg_config", "libpq-fe.h"], "\"gcc\", \"python3-dev\", \"libpq-dev\""),
    (&["ffi.h"], "\"gcc\", \"python3-dev\", \"libffi-dev\""),
    (&["mysql_config", "mariadb_config", "mysql.h"], "\"gcc\", \"python3-dev\", \"pkgconf\", \"libmariadb-dev\""),
    (&["rustc", "cargo", "Rust"], "\"cargo\", \"gcc\", \"python3-dev\""),
    (&["g++", "c++"], "\"g++\", \"python3-dev\""),
];

/// What is in the output when there is no compiler for C.
const NO_COMPILER: [&str; 7] =
    ["'x86_64-linux-gnu-gcc'", "'gcc'", "'cc'", "`cc`", "gcc: not found", "Unknown compiler", "CMAKE_C_COMPILER"];

/// The help for a build that has failed. `present` are the packages of `[app] build-packages`.
pub(super) fn after(output: &str, present: &Relations) -> String {
    let absent =
        ["No such file", "not found", "cannot find", "could not be found", "is not able", "Unknown", "required"];
    let lacks = absent.iter().any(|words| output.contains(words));
    let sign = SIGNS.iter().find(|(signs, _)| signs.iter().any(|sign| output.contains(sign))).map(|(_, names)| *names);
    let compiler = NO_COMPILER.iter().any(|sign| output.contains(sign)).then_some("\"gcc\", \"python3-dev\"");
    // Whatever is built with a compiler needs that first.
    let has_compiler = present.0.iter().any(|one| one.to_string().starts_with("gcc"));
    let found = if has_compiler { sign.or(compiler) } else { compiler.or(sign) };
    match found.filter(|_| lacks) {
        Some(names) => format!(
            "its build needs packages of Debian: [app] build-packages = [{names}], and those with the headers that it names; \
             or take Debian's package of the library"
        ),
        None => "its last lines of output are above; it runs in a sandbox of the target's suite, without a network, with what \
                 the source distribution says that it needs and the packages of [app] build-packages; choose another version, or \
                 Debian's package: name that in [app] depends"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let none = Relations::default();
        let gcc: Relations = "gcc".parse().unwrap();
        for (output, present, named) in [
            (
                "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory",
                &none,
                "\"gcc\", \"python3-dev\"]",
            ),
            ("error: [Errno 2] No such file or directory: 'gcc'", &none, "\"gcc\", \"python3-dev\"]"),
            ("sh: 1: gcc: not found", &none, "\"gcc\", \"python3-dev\"]"),
            ("x.c:1:10: fatal error: Python.h: No such file or directory", &gcc, "\"python3-dev\"]"),
            ("Error: pg_config executable not found.", &gcc, "\"libpq-dev\"]"),
            ("error: can't find Rust compiler: cargo not found", &gcc, "\"cargo\""),
        ] {
            assert!(after(output, present).contains(named), "{output}: {}", after(output, present));
        }
        for other in ["SyntaxError: invalid syntax", "Network is unreachable"] {
            assert!(!after(other, &none).contains("build-packages = "), "{other}");
        }
    }
}
