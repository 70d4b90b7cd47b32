"""The statement: one SELECT in DuckDB's dialect, which tables and columns it reads, and its form for each engine.

Sources: DuckDB, "JSON Processing Functions"; Trino, "JSON functions and operators", "Map functions and operators";
Amazon Athena User Guide, "Considerations and limitations for SQL queries in Amazon Athena".
"""

import functools
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlglot
from log_shipper.columns import OBJECT
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, TokenError, UnsupportedError
from sqlglot.optimizer.scope import traverse_scope

from logdock.cli.errors import CommandError, ExitCode, closest
from logdock.settings.sql import ARCHIVE_TABLE, COLUMNS_TABLE, SqlTable

OBJECT_COLUMN = "$path"
"""The address of the object that a row is from: Athena's pseudo-column, which `*` does not include."""
MACROS = """
CREATE MACRO logdock_json_text(document, path) AS
  CASE WHEN json_valid(document) AND json_type(document, path) NOT IN ('OBJECT', 'ARRAY')
  THEN json_extract_string(document, path) END;
CREATE MACRO logdock_json(document, path) AS CASE WHEN json_valid(document) THEN json_extract(document, path) END;
"""
"""`->>` and `->` for messages of which only some are JSON. As in Trino, other messages and, for `->>`, objects and
arrays are NULL. DuckDB would end the whole query at the first message that is not JSON."""
_NOT_SELECT = (exp.DML, exp.DDL, exp.Command, exp.Copy, exp.Attach, exp.Pragma, exp.Set, exp.Into)
"""DuckDB ignores `SELECT ... INTO`; for Athena it would become CREATE TABLE."""
_ARITY = 2


class Statement:
    """One SELECT.

    Parameters
    ----------
    text
        In DuckDB's dialect.

    Raises
    ------
    CommandError
        When it is not one SELECT over these tables.
    """

    def __init__(self, text: str, tables: Mapping[str, SqlTable]) -> None:
        self._tree = _parse(text)
        self._tables = tables
        references = _references(self._tree)
        for _, table in references:
            if isinstance(table.this, exp.Identifier) and (table.args.get("db") or table.name.lower() not in tables):
                raise CommandError(f"there is no table {table.sql('duckdb')}; {closest(table.name, [*tables])}",
                                   ExitCode.USAGE)  # fmt: skip
        self._references = [each for each in references if isinstance(each[1].this, exp.Identifier)]
        if _mentions(self._tree, OBJECT_COLUMN):
            _expand_stars(self._tree, tables)

    @property
    def tables(self) -> list[str]:
        """The tables that it reads."""
        return [*dict.fromkeys(table.name.lower() for _, table in self._references)]

    def columns(self, table: str) -> list[str]:
        """Return the columns of a table that it may use; all where it does not name them."""
        named = {each.name.lower() for each in self._tree.find_all(exp.Identifier)}
        known = [*self._tables[table].columns, *self._tables[table].keys]
        of_rows = {reference.alias_or_name.lower() for _, reference in self._references}
        takes_all = (
            any(not isinstance(star.parent, exp.Count) for star in self._tree.find_all(exp.Star))
            or self._tree.find(exp.Columns, exp.PositionalColumn) is not None
            or any(join.method for join in self._tree.find_all(exp.Join))
            or any(column.name.lower() in of_rows for column in self._tree.find_all(exp.Column))
        )
        columns = known if takes_all else [name for name in known if name in named]
        return [*columns, OBJECT_COLUMN] if OBJECT_COLUMN in named else columns

    def condition(self, table: str, keys: Collection[str]) -> str | None:
        """Return what it requires of some keys of a table, in DuckDB's dialect; None when it requires nothing.

        A row that does not meet it cannot change the answer. Conditions of a join are not considered.
        """
        found = []
        for select, reference in self._references:
            if reference.name.lower() == table:
                conditions = [each for each in _conditions(select) if _is_of(each, keys)]
                if not conditions:
                    return None
                found.append(exp.and_(*(each.copy() for each in conditions)))
        if not found:
            return None
        either = exp.or_(*found)
        for column in either.find_all(exp.Column):
            column.set("table", None)
        return _for_duckdb(either)

    def for_duckdb(self) -> str:
        """Return the statement as DuckDB runs it."""
        return _for_duckdb(self._tree)

    def for_athena(self, scope: Mapping[str, str], copied: tuple[str, str] | None = None) -> str:
        """Return the statement as Athena runs it.

        Parameters
        ----------
        scope
            By table, the condition that each of its rows must meet, in DuckDB's dialect.
        copied
            The conditions on rows that are read from the columnar copy, and on those that are read from the archive;
            an empty one for no row. Default: all are read from the archive.

        Raises
        ------
        CommandError
            When Athena's dialect cannot express it.
        """
        tree = self._tree.copy()
        for _, table in _references(tree):
            condition = scope.get(table.name.lower()) if isinstance(table.this, exp.Identifier) else None
            if condition is None:
                continue
            columns = [*self._tables[table.name.lower()].columns, *self._tables[table.name.lower()].keys]
            names = [*columns, OBJECT_COLUMN] if _mentions(tree, OBJECT_COLUMN) else columns
            of_copy, of_archive = copied if copied and table.name.lower() == ARCHIVE_TABLE else ("", condition)
            selects = []
            if of_copy:
                selects.append(_select(COLUMNS_TABLE, names, {OBJECT_COLUMN: OBJECT}, condition, of_copy))
            if of_archive:
                selects.append(_select(table.name, names, {}, condition, of_archive))
            limited = exp.union(*selects, distinct=False) if len(selects) > 1 else selects[0]
            table.replace(limited.subquery(table.alias_or_name))
        try:
            return tree.transform(functools.partial(_in_athena, self._known())).sql(
                "athena", unsupported_level=sqlglot.ErrorLevel.RAISE
            )
        except UnsupportedError as error:
            raise CommandError(
                f"Athena cannot run this statement: {error}. `--engine duckdb` can", ExitCode.USAGE
            ) from None

    def _known(self) -> frozenset[str]:
        return frozenset(name for table in self._tables.values() for name in (*table.columns, *table.keys))


def _select(table: str, names: Sequence[str], other_names: Mapping[str, str], *conditions: str) -> exp.Query:
    """Return the SELECT of some columns of a table, of which some have other names in it."""
    columns = [
        exp.column(other_names[name], quoted=True).as_(name, quoted=True)
        if name in other_names
        else exp.column(name, quoted=True)
        for name in names
    ]
    wanted = [sqlglot.parse_one(each, read="duckdb") for each in dict.fromkeys(conditions)]
    return exp.select(*columns).from_(exp.to_table(table)).where(*wanted)


def _parse(text: str) -> exp.Query:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CommandError("the statement is not UTF-8", ExitCode.USAGE) from None
    # it would warn of commands that it does not parse, which are refused below
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    try:
        found = [each for each in sqlglot.parse(text, read="duckdb") if each is not None]
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        where = f"line {first.get('line')}, column {first.get('col')}: " if first else ""
        description = str(first.get("description") or error).partition(". ")[0]
        if description.startswith("Required keyword"):
            description = "an expression is missing"
        raise CommandError(f"the statement, {where}{description}", ExitCode.USAGE) from None
    except TokenError as error:
        raise CommandError(f"the statement: {error}", ExitCode.USAGE) from None
    except RecursionError:
        raise CommandError("the statement is nested too deep", ExitCode.USAGE) from None
    if len(found) != 1:
        raise CommandError(f"give one SELECT; these are {len(found)} statements", ExitCode.USAGE)
    (tree,) = found
    if not isinstance(tree, exp.Query) or any(not isinstance(each, exp.Query) for each in tree.find_all(*_NOT_SELECT)):
        raise CommandError("give a SELECT: logdock sql changes nothing and reads no files", ExitCode.USAGE)
    if tree.find(exp.Parameter, exp.Placeholder) is not None:
        advice = "write the value; for a column, put the name in double quotes"
        raise CommandError(f"a statement takes no parameters such as ? or $path: {advice}", ExitCode.USAGE)
    return tree


def _references(tree: exp.Query) -> list[tuple[exp.Expr, Any]]:
    """Return the tables that a statement reads, each with the SELECT that reads it; not its own subqueries."""
    try:
        return [
            (scope.expression, source)
            for scope in traverse_scope(tree)
            for _, source in scope.selected_sources.values()
            if isinstance(source, exp.Table)
        ]
    except OptimizeError as error:
        raise CommandError(f"the statement: {error}", ExitCode.USAGE) from None


def _expand_stars(tree: exp.Query, tables: Mapping[str, SqlTable]) -> None:
    """Write `*` as the columns of the tables that it means: once it is loaded, the pseudo-column would be one of them.

    Not in a join by USING, where `*` has the column of both tables once.
    """
    for scope in traverse_scope(tree):
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        joined = any(join.args.get("using") or join.method for join in select.args.get("joins") or ())
        sources = {name: source for name, (_, source) in scope.selected_sources.items()}

        def columns(name: str, star: exp.Star, sources: Mapping[str, object] = sources) -> list[exp.Expr]:
            source, without = sources.get(name), {each.name.lower() for each in star.args.get("except_") or ()}
            if isinstance(source, exp.Table) and source.name.lower() in tables:
                table = tables[source.name.lower()]
                known = [each for each in (*table.columns, *table.keys) if each not in without]
                return [exp.column(each, name, quoted=True) for each in known]
            return [exp.Column(this=star.copy(), table=exp.to_identifier(name, quoted=True))]

        chosen: list[exp.Expr] = []
        for each in select.expressions:
            star = each.this if isinstance(each, exp.Column) else each
            is_qualified = star is not each
            if not isinstance(star, exp.Star) or star.args.get("replace") or (joined and not is_qualified):
                chosen.append(each)
                continue
            for name in [each.table] if is_qualified else sources:
                chosen += columns(name, star)
        select.set("expressions", chosen)


def _conditions(select: exp.Expr) -> list[exp.Expr]:
    """Return the conditions on the rows of the one table that a SELECT reads."""
    where = select.args.get("where")
    if where is None or select.args.get("joins") or select.args.get("laterals"):
        return []
    return [*where.this.flatten()] if isinstance(where.this, exp.And) else [where.this]


def _is_of(condition: exp.Expr, keys: Collection[str]) -> bool:
    """Say whether a condition depends on some keys alone."""
    columns = {column.name.lower() for column in condition.find_all(exp.Column)}
    return bool(columns) and columns <= {*keys} and condition.find(exp.Query) is None


def _mentions(tree: exp.Query, name: str) -> bool:
    return any(each.name.lower() == name for each in tree.find_all(exp.Identifier))


def _for_duckdb(tree: exp.Expr) -> str:
    return tree.copy().transform(_null_for_no_json).sql("duckdb")


def _null_for_no_json(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.JSONExtractScalar | exp.JSONExtract) and isinstance(node.expression, exp.JSONPath):
        name = "logdock_json_text" if isinstance(node, exp.JSONExtractScalar) else "logdock_json"
        path = exp.Literal.string(node.expression.sql("duckdb")[1:-1].replace("''", "'"))
        return exp.Anonymous(this=name, expressions=[node.this, path])
    return node


def _in_athena(known: frozenset[str], node: exp.Expr) -> exp.Expr:
    """Replace what Trino has in another form and sqlglot does not know of."""
    if isinstance(node, exp.Bracket) and isinstance(node.this, exp.Column) and node.this.name.lower() == "fields":
        # a name that the map does not have would end the query
        return exp.Anonymous(this="element_at", expressions=[node.this, *node.expressions])
    if isinstance(node, exp.Cast) and node.is_type("timestamp", "timestampntz") and _is_time(node.this):
        # a cast takes no T between date and time
        moment = exp.Anonymous(this="from_iso8601_timestamp", expressions=[node.this])
        return exp.cast(exp.AtTimeZone(this=moment, zone=exp.Literal.string("UTC")), "timestamp")
    if isinstance(node, exp.Contains):
        return exp.GT(this=exp.StrPosition(this=node.this, substr=node.expression), expression=exp.Literal.number(0))
    if isinstance(node, exp.Select) and (group := node.args.get("group")):
        _name_groups(node, group, known)
    return node


def _is_time(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name.lower() == "time"


def _name_groups(select: exp.Select, group: exp.Group, known: frozenset[str]) -> None:
    """Replace GROUP BY ALL, and aliases in GROUP BY, by the positions of what they mean."""
    positions = {each.alias_or_name: str(at) for at, each in enumerate(select.expressions, 1)}
    if group.args.get("all"):
        group.set("all", None)
        group.set(
            "expressions",
            [
                exp.Literal.number(at)
                for at, each in enumerate(select.expressions, 1)
                if each.find(exp.AggFunc) is None and not isinstance(each.unalias(), exp.Literal)
            ],
        )
        return
    for each in [*group.expressions]:
        is_alias = isinstance(each, exp.Column) and not each.table and each.name in positions
        if is_alias and each.name.lower() not in known:
            each.replace(exp.Literal.number(positions[each.name]))
