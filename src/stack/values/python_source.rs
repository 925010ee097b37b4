//! What a Python module says about a name in it, without running it: the text of the module → where the variable is made,
//! and whether it is an ASGI application. Where reading cannot tell, the answer is the harmless one.

/// Constructors and functions that make an ASGI application.
const ASGI: &[&str] = &[
    "ASGIApp",
    "AsyncApp",
    "Esmerald",
    "FastAPI",
    "FastAPIOffline",
    "Litestar",
    "ProtocolTypeRouter",
    "Quart",
    "Sanic",
    "Starlette",
    "WsgiToAsgi",
    "get_asgi_application",
];

/// Constructors and functions that make a WSGI application.
const WSGI: &[&str] = &["Bottle", "Flask", "default_app", "get_wsgi_application"];

/// Words by which a module may have variables whose names are not in it.
const DYNAMIC: &[&str] =
    &["__dict__", "__getattr__", "exec", "eval", "globals", "locals", "modules", "setattr", "vars"];

/// What the string in `if __name__ == "__main__":` says. It is kept, because its block does not run in a server.
const MAIN: &str = "__main__";

/// Where a module makes a variable.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum VariablePlace {
    /// At the top level, where others can import it. Also when reading cannot tell.
    TopLevel,
    /// Only in the block that this line begins: a function, a class, or what runs when the file is a program.
    Block(String),
    Nowhere,
}

/// The code of a module: its text without comments and without what is in strings.
pub(super) struct PythonText {
    code: String,
}

impl PythonText {
    pub(super) fn of(text: &str) -> Self {
        Self { code: without_texts(text) }
    }

    /// Where the module makes the variable of that name.
    pub(super) fn place(&self, name: &str) -> VariablePlace {
        let star = self.code.lines().any(|line| {
            let mut words = line.split_whitespace().rev();
            words.next() == Some("*") && words.next() == Some("import")
        });
        if star || words(&self.code).any(|word| DYNAMIC.contains(&word)) {
            return VariablePlace::TopLevel;
        }
        let mut place = VariablePlace::Nowhere;
        // The block around the lines: how far its first line is indented, in characters, and that line.
        let mut block: Option<(usize, &str)> = None;
        for line in self.code.lines().filter(|line| !line.trim().is_empty()) {
            let indent = line.chars().take_while(|c| c.is_whitespace()).count();
            let has_name = words(line).any(|word| word == name);
            match block.filter(|(outer, _)| indent > *outer) {
                Some(_) if has_name && words(line).any(|word| word == "global") => return VariablePlace::TopLevel,
                Some((_, first)) if has_name && place == VariablePlace::Nowhere => {
                    place = VariablePlace::Block(first.to_owned())
                }
                Some(_) => {}
                None => {
                    let line = line.trim();
                    let defined = defined_by(line);
                    let begins_block = defined.is_some() || is_for_programs(line);
                    // Of a function's first line, only its name is one of the module's.
                    if defined == Some(name) || (has_name && !begins_block) {
                        return VariablePlace::TopLevel;
                    }
                    block = begins_block.then_some((indent, line));
                }
            }
        }
        place
    }

    /// What makes the variable an ASGI application: the name of the constructor, or `async def`. `None` when it is not one, as
    /// far as can be seen.
    pub(super) fn asgi(&self, name: &str) -> Option<&'static str> {
        // The last assignment holds: `app = FastAPI()`, then `app = ASGIMiddleware(app)`.
        // Inside of a function, the name is another variable.
        self.code.lines().filter_map(|line| maker_of_line(line.trim_end(), name, ASGI)).next_back().flatten()
    }

    /// The call that makes the variable a WSGI application; the last assignment counts.
    pub(super) fn wsgi(&self, name: &str) -> Option<&'static str> {
        let maker = self.code.lines().filter_map(|line| maker_of_line(line.trim_end(), name, WSGI)).next_back();
        maker.flatten().filter(|maker| WSGI.contains(maker))
    }
}

/// What a line binds the name to: `None` when it does not bind it; else the constructor, if it is one of `makers` or makes an
/// ASGI application in a way of its own.
fn maker_of_line(line: &str, name: &str, makers: &[&'static str]) -> Option<Option<&'static str>> {
    let after = |line: &'_ str, keyword: &str| -> Option<bool> {
        let rest = line.strip_prefix(keyword)?.trim_start().strip_prefix(name)?;
        Some(!rest.starts_with(is_of_word))
    };
    if after(line, "async def ") == Some(true) {
        return Some(Some("async def"));
    }
    if after(line, "def ") == Some(true) {
        return Some(None);
    }
    let rest = line.strip_prefix(name)?.trim_start();
    let rest = if rest.starts_with(':') { rest.get(rest.find('=')?..)? } else { rest };
    let value = rest.strip_prefix('=').filter(|value| !value.starts_with('='))?.trim_start();
    let called = value.split('(').next().filter(|called| called.len() < value.len())?.trim_end();
    let last = called.rsplit('.').next().unwrap_or(called);
    if called.ends_with("asgi.App") {
        return Some(Some("falcon.asgi.App"));
    }
    Some(makers.iter().copied().find(|known| *known == last))
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !is_of_word(c)).filter(|word| !word.is_empty())
}

/// The name of the function or class that begins with a line.
fn defined_by(line: &str) -> Option<&str> {
    let mut words = words(line).skip_while(|word| *word == "async");
    words.next().filter(|word| matches!(*word, "def" | "class"))?;
    words.next()
}

/// Whether the line begins what runs only when the file is started as a program.
fn is_for_programs(line: &str) -> bool {
    line.starts_with("if") && line.contains("==") && words(line).eq(["if", "__name__", MAIN])
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text with each comment left out and each string but [`MAIN`] emptied. Line breaks stay.
fn without_texts(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '#' {
            rest = rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default();
            continue;
        }
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote));
        let Some(quote) = quote else {
            code.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        };
        rest = rest.get(quote.len()..).unwrap_or_default();
        let is_main = rest.strip_prefix(MAIN).is_some_and(|rest| rest.starts_with(quote));
        code.push_str(if is_main { "'__main__'" } else { "''" });
        rest = after_string(rest, quote, &mut code);
    }
    code
}

/// What follows a string whose opening quote has been read. The line breaks in it are added to `code`.
fn after_string<'a>(text: &'a str, quote: &str, code: &mut String) -> &'a str {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        let here = text.get(at..).unwrap_or_default();
        if here.starts_with(quote) {
            return here.get(quote.len()..).unwrap_or_default();
        }
        match character {
            '\\' if characters.next().is_some_and(|(_, next)| next == '\n') => code.push('\n'),
            '\n' => {
                code.push('\n');
                // A string in one quote ends with its line, though the module is then wrong.
                if quote.len() == 1 {
                    return here.get(1..).unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_a_word_of_the_code() {
        for text in [
            "app = Flask(__name__)",
            "from shop import app",
            "from shop import *",
            "def app(environ, start):\n    pass",
            "x = 1; (app, y) = f()",
            "globals()[name] = 1",
            "def __getattr__(name): pass",
            "s = 'it''s'; app = 1",
            "s = \"\"\"a\n\"b\"\n\"\"\"\napp = 1",
        ] {
            assert_eq!(PythonText::of(text).place("app"), VariablePlace::TopLevel, "{text}");
        }
        for text in ["", "application = 1", "# app", "'app'", "'''\napp = 1\n'''", "x = 'a\\' app'", "def apps(): 1"] {
            assert_eq!(PythonText::of(text).place("app"), VariablePlace::Nowhere, "{text}");
        }
    }

    #[test]
    fn a_variable_of_a_function_is_none_of_the_module() {
        for (text, block) in [
            ("def create_app():\n    app = Flask('x')\n    return app\n", "def create_app():"),
            ("def create_app():\n\tapp = Flask('x')\n\n\treturn app\n\nx = 1", "def create_app():"),
            ("async def main(app):\n    if x:\n        app = 1\n", "async def main(app):"),
            ("class Shop:\n    def app(self): pass\n", "class Shop:"),
            ("def f():\n  '''text\n  more'''\n  app = 1\n", "def f():"),
            ("if __name__ == \"__main__\":\n    app = create()\n", "if __name__ == '__main__':"),
        ] {
            assert_eq!(PythonText::of(text).place("app"), VariablePlace::Block(block.to_owned()), "{text}");
        }
        for text in [
            "def create_app():\n    app = 1\n    return app\n\napp = create_app()",
            "def create_app():\n    global app\n    app = 1\n\ncreate_app()",
            "def f(): pass\nif x:\n    app = 1\n",
            "try:\n    app = 1\nexcept E:\n    pass\n",
            "def f():\n    x = '''\nand'''.format(app)\n    app = 1\n",
            "if x:\n    def app(environ, start): pass\n",
            "if __name__ == 'shop':\n    app = 1\n",
            "if __name__ == '__main__':\n    run()\nelse:\n    app = 1\n",
            "if __name__ != '__main__':\n    app = 1\n",
            "class app:\n    pass\n",
        ] {
            assert_eq!(PythonText::of(text).place("app"), VariablePlace::TopLevel, "{text}");
        }
    }

    #[test]
    fn an_asgi_application_is_known_by_its_constructor() {
        for text in [
            "app = FastAPI()",
            "app = fastapi.FastAPI(title='x')",
            "app: FastAPI = FastAPI()",
            "app = Starlette(\n    routes=[])",
            "async def app(scope, receive, send):\n    pass",
            "app = Flask('x')\napp = WsgiToAsgi(app)",
            "app = falcon.asgi.App()",
        ] {
            assert!(PythonText::of(text).asgi("app").is_some(), "{text}");
        }
        for text in [
            "app = Flask(__name__)",
            "app = get_wsgi_application()",
            "api = FastAPI()\napp = Flask('x')",
            "app = FastAPI()\napp = ASGIMiddleware(app)",
            "app = Flask('x')\ndef other():\n    app = FastAPI()",
            "# app = FastAPI()",
            "def app(environ, start_response):\n    pass",
            "app == FastAPI()",
            "app.mount(FastAPI())",
        ] {
            assert_eq!(PythonText::of(text).asgi("app"), None, "{text}");
        }
        assert_eq!(PythonText::of("app = Flask(__name__)").wsgi("app"), Some("Flask"));
        for text in ["app = Flask('x')\napp = WsgiToAsgi(app)", "async def app(s, r, t):\n    pass", "app = FastAPI()"]
        {
            assert_eq!(PythonText::of(text).wsgi("app"), None, "{text}");
        }
    }
}
