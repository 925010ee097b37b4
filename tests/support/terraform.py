"""What is wrong with a Terraform configuration: FOLDER, against providers' schemas in JSON: SCHEMA... One problem a line.

python-hcl2 is the parser. It gives strings with their quotes, expressions as "${…}", and blocks a mark."""

import json
import pathlib
import re
import sys

import hcl2

FUNCTIONS = set(
    "abs alltrue anytrue base64decode base64encode can ceil chomp cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce "
    "coalescelist compact concat contains distinct element endswith file filemd5 filesha256 flatten floor format formatlist "
    "indent index join jsonencode keys length lookup lower max md5 merge min nonsensitive one parseint range regex regexall "
    "replace reverse sensitive setunion sha256 slice sort split startswith strcontains substr sum templatefile title tobool "
    "tolist tomap tonumber toset tostring trim trimprefix trimspace trimsuffix try upper urlencode values yamlencode zipmap "
    "list map set object optional".split()
)
WORDS = set("for in if else endif true false null string number bool any".split())
META = {"count", "for_each", "depends_on", "provider"}
LIFECYCLE = {"create_before_destroy", "prevent_destroy", "ignore_changes", "replace_triggered_by", "precondition", "postcondition"}
VARIABLE = {"type", "default", "description", "sensitive", "nullable", "validation"}
OUTPUT = {"value", "description", "sensitive", "depends_on"}
PLACE = re.compile(r"(?<![\w.])([A-Za-z_]\w*)((?:\[[^\[\]]*\]|\.[A-Za-z_]\w*)*)")

problems = []


def problem(where, what):
    problems.append(f"{where}: {what}")


def plain(name):
    return name.strip('"')


def items(body):
    return {name: value for name, value in body.items() if not name.startswith("__")}


def is_block(value):
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) and v.get("__is_block__") for v in value)


def code(text, quoted=False):
    """A string's or expression's code: literal text is left out, what is interpolated in it stays."""
    out, stack, at = [], ["text" if quoted else "code"], 0
    while at < len(text):
        two, one = text[at : at + 2], text[at]
        if stack[-1] == "text":
            if two in ("$$", "%%") or one == "\\":
                at += 2
                continue
            if two in ("${", "%{"):
                stack.append("code")
                out.append(" (")
                at += 2
                continue
            if one == '"':
                stack.pop()
        elif one == '"':
            stack.append("text")
            out.append(' ""')
        elif one == "{":
            stack.append("code")
            out.append(one)
        elif one == "}" and len(stack) > 1:
            stack.pop()
            out.append(") " if stack[-1] == "text" else one)
        else:
            out.append(one)
        at += 1
    return "".join(out)


def codes(value):
    """The code of everything below a value."""
    if isinstance(value, str):
        if value.startswith('"'):
            yield code(value[1:-1], quoted=True)
        elif value.startswith("${"):
            yield code(value[2:-1])
        else:
            yield value
    elif isinstance(value, list):
        for one in value:
            yield from codes(one)
    elif isinstance(value, dict):
        for name, one in items(value).items():
            if not (name == "type" and value.get("__is_block__")) and name != "ignore_changes":
                yield from codes(one)


def places(text):
    """Every name in code with what follows it: ("linode_vpc", ".stack.id"). Those in indices as well."""
    for found in PLACE.finditer(text):
        rest = text[found.end() :].lstrip()
        yield found.group(1), found.group(2), rest
        for index in re.findall(r"\[([^\[\]]*)\]", found.group(2)):
            yield from places(index)


class Configuration:
    def __init__(self, folder, schema):
        self.schema = schema
        self.variables, self.locals, self.outputs, self.resources, self.bodies = {}, {}, {}, {}, []
        self.data, self.checks = {}, {}
        for path in sorted(folder.glob("*.tf")):
            with path.open() as file:
                self.add(path.name, hcl2.load(file))
        self.used = set()

    def add(self, file, tree):
        for kind, blocks in items(tree).items():
            for block in blocks:
                block = items(block)
                if kind == "locals":
                    for name, value in block.items():
                        self.declare(self.locals, name, value, f"local.{name}")
                elif kind == "resource":
                    for type, named in block.items():
                        for name, body in items(named).items():
                            self.declare(self.resources, (plain(type), plain(name)), body, f"{plain(type)}.{plain(name)}")
                elif kind == "data":
                    for type, named in block.items():
                        for name, body in items(named).items():
                            self.declare(self.data, (plain(type), plain(name)), body, f"data.{plain(type)}.{plain(name)}")
                elif kind == "check":
                    for name, body in block.items():
                        self.declare(self.checks, plain(name), body, f"check {plain(name)}")
                elif kind in ("variable", "output"):
                    for name, body in block.items():
                        target = self.variables if kind == "variable" else self.outputs
                        self.declare(target, plain(name), body, f"{kind} {plain(name)}")
                elif kind in ("terraform", "provider"):
                    self.bodies.append((kind, block))
                else:
                    problem(file, f"`{kind}` is no block of a configuration")

    def declare(self, target, name, value, shown):
        if name in target:
            problem(shown, "is declared twice")
        target[name] = value

    def check(self):
        for (type, name), body in self.resources.items():
            where = f"{type}.{name}"
            if type not in self.schema["resources"]:
                problem(where, f"the provider has no resource `{type}`")
                continue
            self.body(where, body, self.schema["resources"][type], META)
        for (type, name), body in self.data.items():
            where = f"data.{type}.{name}"
            if type not in self.schema["data"]:
                problem(where, f"the provider has no data source `{type}`")
                continue
            self.body(where, body, self.schema["data"][type], META)
        for name, body in self.checks.items():
            for one in items(body).get("assert", []):
                for key in items(one).keys() ^ {"condition", "error_message"}:
                    problem(f"check {name}", f"`{key}` is missing, or does not belong into an assertion")
                self.references(f"check {name}", one, set())
        for kind, block in self.bodies:
            if kind == "provider":
                for name, body in block.items():
                    self.body(f"provider {plain(name)}", body, self.schema["configuration"], set())
            else:
                self.references("terraform", block, set())
        for kind, declared, known in (("variable", self.variables, VARIABLE), ("output", self.outputs, OUTPUT)):
            for name, body in declared.items():
                for key in items(body).keys() - known:
                    problem(f"{kind} {name}", f"there is no argument `{key}`")
                self.references(f"{kind} {name}", body, set())
        for name, value in self.locals.items():
            self.references(f"local.{name}", value, set())
        for kind, declared in (("var", self.variables), ("local", self.locals)):
            for name in declared:
                if not any(used == (kind, name) and where != f"variable {name}" for where, used in self.used):
                    problem(f"{kind}.{name}", "is used nowhere")
        self.secrets()

    def body(self, where, body, schema, meta, bound=frozenset()):
        """A resource's or a block's arguments and blocks."""
        given = dict(items(body))
        if meta and "lifecycle" in given:
            self.lifecycle(where, given.pop("lifecycle")[0], schema)
        for dynamic in given.pop("dynamic", []):
            for name, inner in items(dynamic).items():
                name, content = plain(name), items(inner)["content"][0]
                self.references(f"{where}.{name}", {"for_each": inner["for_each"]}, bound)
                if not schema.get(name, {}).get("block"):
                    problem(where, f"there is no block `{name}`")
                    continue
                self.body(f"{where}.{name}", content, schema[name].get("attributes", {}), set(), bound | {name})
        for name, value in given.items():
            if name in meta:
                self.references(where, value, bound)
                continue
            rule = schema.get(name)
            if rule is None:
                problem(where, f"there is no argument or block `{name}`")
            elif rule["use"] == "computed":
                problem(where, f"`{name}` can only be read")
            elif rule.get("block"):
                if not is_block(value):
                    problem(where, f"`{name}` is a block, no argument")
                    continue
                if len(value) > rule.get("most", len(value)):
                    problem(where, f"there is more than one block `{name}`")
                for one in value:
                    self.body(f"{where}.{name}", one, rule.get("attributes", {}), set(), bound)
            elif is_block(value):
                problem(where, f"`{name}` is an argument, no block")
            else:
                self.type(f"{where}.{name}", value, rule["type"], rule.get("attributes"))
                self.references(f"{where}.{name}", value, bound)
        for name, rule in schema.items():
            if rule["use"] == "required" and name not in given:
                problem(where, f"`{name}` is missing")

    def lifecycle(self, where, body, schema):
        for name in items(body).keys() - LIFECYCLE:
            problem(where, f"there is no argument `{name}` in lifecycle")
        for name in body.get("ignore_changes", []):
            if name not in schema:
                problem(where, f"there is no argument `{name}` whose changes could be ignored")
        self.references(where, body, set(), schema)

    def type(self, where, value, type, attributes):
        """The type of what is written outright; an expression may have any."""
        if value is None or (isinstance(value, str) and not value.startswith('"')):
            return
        if isinstance(value, bool):
            found = "bool"
        elif isinstance(value, (int, float)):
            found = "number"
        elif isinstance(value, str):
            found = "string"
        else:
            found = "list" if isinstance(value, list) else "object"
        outer, _, inner = type.rstrip(")").partition("(")
        fits = found == outer or (found, outer) in {("list", "set"), ("object", "map")}
        if not fits:
            problem(where, f"is {found}, not {type}")
        elif found == "list":
            for one in value:
                self.type(where, one, inner, attributes)
        elif found == "object" and attributes:
            for name in items(value):
                if name not in attributes or attributes[name]["use"] == "computed":
                    problem(where, f"there is no attribute `{name}` to be set")
                else:
                    self.type(f"{where}.{name}", value[name], attributes[name]["type"], attributes[name].get("attributes"))
            for name, rule in attributes.items():
                if rule["use"] == "required" and name not in value:
                    problem(where, f"`{name}` is missing")

    def references(self, where, value, bound, itself=None):
        for text in codes(value):
            names, aliases = set(bound), {}
            for one, other, source in re.findall(r"\bfor\s+(\w+)\s*(?:,\s*(\w+)\s*)?in\s+(\S+)", text):
                names |= {one, other} - {""}
                resource = re.match(r"((?:linode|random)_\w+)\.(\w+)$", source.rstrip(":"))
                if resource:
                    aliases[other or one] = resource.groups()
            for name, rest, after in places(text):
                if name == "self" and itself is not None:
                    attribute = rest.split(".")[1]
                    if attribute not in itself:
                        problem(where, f"it has no attribute `{attribute}` of its own")
                    continue
                self.reference(where, name, rest, after, names, aliases)

    def reference(self, where, name, rest, after, names, aliases):
        parts = re.findall(r"\.(\w+)", re.sub(r"\[[^\[\]]*\]", "", rest))
        if name in ("var", "local"):
            declared = self.variables if name == "var" else self.locals
            if not parts or parts[0] not in declared:
                problem(where, f"`{name}{rest}` is not declared")
            else:
                self.used.add((where, (name, parts[0])))
        elif name in aliases:
            self.attribute(where, aliases[name], parts)
        elif name in names or (name, parts) in (("path", ["module"]), ("count", ["index"])):
            pass
        elif name == "data":
            if tuple(parts[:2]) not in self.data:
                problem(where, f"`{name}{rest}` is not declared")
            else:
                self.path(where, f"data.{'.'.join(parts[:2])}", self.schema["data"].get(parts[0], {}), parts[2:])
        elif name.startswith(("linode_", "random_")):
            if not parts or (name, parts[0]) not in self.resources:
                problem(where, f"`{name}{rest}` is not declared")
            else:
                self.attribute(where, (name, parts[0]), parts[1:])
        elif after.startswith("(") and not rest:
            if name not in FUNCTIONS:
                problem(where, f"there is no function `{name}`")
        elif name in WORDS or re.match(r"(=(?!=)|:)", after):
            pass
        else:
            problem(where, f"`{name}{rest}` is nothing that is known here")

    def attribute(self, where, resource, path):
        self.path(where, ".".join(resource), self.schema["resources"].get(resource[0], {}), path)

    def path(self, where, shown, known, path):
        for name in path:
            if name not in known:
                problem(where, f"{shown} has no attribute `{'.'.join(path)}`")
                return
            known = known[name].get("attributes", {})

    def secrets(self):
        """An output with something secret in it has to say so."""
        secret = {("var", name) for name, body in self.variables.items() if body.get("sensitive") is True}

        def is_secret(value):
            for text in codes(value):
                for name, rest, _ in places(text):
                    parts = re.findall(r"\.(\w+)", re.sub(r"\[[^\[\]]*\]", "", rest))
                    if parts and (name, parts[0]) in secret:
                        return True
                    rule = self.schema["resources"].get(name, {}).get(parts[1] if len(parts) > 1 else "", {})
                    if rule.get("sensitive"):
                        return True
            return False

        before = -1
        while before != len(secret):
            before = len(secret)
            secret |= {("local", name) for name, value in self.locals.items() if is_secret(value)}
        for name, body in self.outputs.items():
            if is_secret(body["value"]) and body.get("sensitive") is not True:
                problem(f"output {name}", "shows something secret")


folder, *schemas = map(pathlib.Path, sys.argv[1:])
schemas = [json.loads(schema.read_text()) for schema in schemas]
# Of the first one is the provider that is configured; the others have resources.
resources = {name: rules for schema in schemas for name, rules in schema["resources"].items()}
configuration = Configuration(folder, schemas[0] | {"resources": resources})
configuration.check()
for one in problems:
    print(one)
print(f"{len(configuration.resources)} resources", file=sys.stderr)
sys.exit(bool(problems))
