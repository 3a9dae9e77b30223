# SPDX-License-Identifier: Apache-2.0
"""What the tests must know of a PromQL expression and of Grafana's variables. Whether it is valid, Prometheus says."""
import dataclasses
import re

TOKEN = re.compile(r"""\s*(?:
    (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
  | (?P<variable>\$\{\w+\}|\$\w+|\[\[\w+\]\])
  | (?P<number>\d[\w.]*)
  | (?P<name>[a-zA-Z_:][\w:]*)
  | (?P<sign>=~|!~|!=|==|>=|<=|[-{}()\[\],=<>+*/%^@:])
)""", re.X)
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
WORDS = {"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start", "end"}
VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)|\[\[(\w+)\]\]")


@dataclasses.dataclass
class Selector:
    """One vector of an expression: rate(name{label="value"}[range])."""
    name: str
    matchers: list  # of (label, operator, value)
    range: str      # "" where it has none
    functions: list  # the functions and aggregations around it, the nearest first

    @property
    def text(self):
        return f"{self.name}{{{', '.join(f'{label}{sign}{value!r}' for label, sign, value in self.matchers)}}}"


def tokens(expression):
    found, at = [], 0
    expression = expression.rstrip()
    while at < len(expression):
        match = TOKEN.match(expression, at)
        if not match:
            raise ValueError(f"cannot read {expression[at:]!r} of {expression!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def selectors(expression):
    """Every selector, in the order of the text."""
    parts = tokens(expression) + [("end", "")]
    found, calls, index = [], [], 0

    def until(sign, start):
        while parts[start][1] != sign:
            if parts[start][0] == "end":
                raise ValueError(f"no {sign} in {expression!r}")
            start += 1
        return start

    pending = None  # the aggregation whose parentheses come after its `by (...)`
    while parts[index][0] != "end":
        kind, text = parts[index]
        following = parts[index + 1][1]
        if kind == "name" and text in GROUPING:
            index = until(")", index) if following == "(" else index
        elif kind == "name" and text in WORDS:
            pass
        elif kind == "name" and (following == "(" or following in ("by", "without")):
            pending = text
        elif text == "(":
            calls.append(pending)
            pending = None
        elif text == ")":
            calls.pop()
        elif kind == "name" or text == "{":
            selector = Selector(text if kind == "name" else "", [], "", [name for name in reversed(calls) if name])
            brace = index + 1 if kind == "name" else index
            if parts[brace][1] == "{":
                end = until("}", brace)
                selector.matchers = [(parts[at][1], parts[at + 1][1], parts[at + 2][1][1:-1])
                                     for at in range(brace + 1, end) if parts[at][0] == "name"]
                index = end
            if parts[index + 1][1] == "[":
                end = until("]", index + 1)
                selector.range = "".join(part for _, part in parts[index + 2:end])
                index = end
            found.append(selector)
        index += 1
    return found


def names(expression):
    """Names of variables, without $."""
    return {next(filter(None, match)) for match in VARIABLE.findall(expression)}


def expanded(expression, values):
    """The expression as Grafana sends it; a variable without a value is an error."""
    return VARIABLE.sub(lambda match: values[next(filter(None, match.groups()))], expression)


def values_of(dashboard, scrape_seconds, step_seconds, range_seconds):
    """What Grafana puts in for the variables of a dashboard as it opens: everything that the lists offer."""
    interval = max(step_seconds + scrape_seconds, 4 * scrape_seconds)
    values = {"__rate_interval": f"{interval}s", "__interval": f"{step_seconds}s", "__range": f"{range_seconds}s",
              "__range_s": str(range_seconds)}
    for variable in dashboard["templating"]["list"]:
        values[variable["name"]] = variable.get("allValue") or variable["current"]["value"]
    return values


def base_name(metric):
    """A series of a histogram has its histogram's name."""
    return re.sub("_(bucket|sum|count)$", "", metric)
