// What people read when an expression is wrong: where it is, what was found, what is possible.
#include <string>

#include <gtest/gtest.h>

#include "controller/cel/program.h"
#include "tests/support/status_matchers.h"

namespace kr::cel {
namespace {

Scope TestScope() {
  return {{"object", Type::Dyn()},
          {"now", Type::Timestamp()},
          {"target", Type::Object({{"name", Type::String()}, {"namespace", Type::String()}})},
          {"related", Type::Object({{"pods", Type::List(Type::Dyn())}})}};
}

struct Case {
  std::string_view expression;
  std::string_view message;
};

std::string MessageOf(std::string_view expression, std::optional<Type> expected = std::nullopt) {
  const auto program = Program::Compile(expression, TestScope(), expected);
  return program.ok() ? "compiles" : std::string(Message(program.status()));
}

TEST(Messages, SyntaxIsBlamedWhereItBreaks) {
  constexpr Case kCases[] = {
      {"", "1:1: the expression is empty"},
      {"1 +", "1:4: the expression ends where a value is expected"},
      {"1 2", "1:3: unexpected '2' after the end of the expression"},
      {"object.a = 1", "1:10: '=' is no operator; equality is '=='"},
      {"true & false", "1:6: '&' is no operator; did you mean '&&'?"},
      {"'abc", "1:1: the string has no closing '"},
      {"'abc\\", "1:1: the string has no closing '"},
      {"object.in",
       "1:8: expected a field name after '.', found 'in'; a field of that name is "
       "read as x['in']"},
      {"object.`a`", "1:8: names in backquotes are not supported; write object['a.b/c']"},
      {"'\\q'",
       "1:1: '\\q...' is no escape; a backslash itself is written \\\\, and raw strings "
       "r'...' need none"},
      {"b'\\u00e9'", "1:1: \\u escapes are for strings; bytes take \\x and octal"},
      {"9223372036854775808", "1:1: 9223372036854775808 is out of the range of int"},
      {"(1", "1:3: expected ')' to close the parenthesis, found end of the expression"},
      {"size([1, 2)", "1:11: expected ']' to close the list, found ')'"},
      {"true ? 1", "1:9: expected ':' between the two results of '?', found end of the expression"},
      {"1u2", "1:1: '1u2' is no number"},
      {"let + 1", "1:1: 'let' is a reserved word of CEL"},
      {"Foo{a: 1}",
       "1:1: 'Foo{...}' would build a message, and there are no message types here; "
       "maps are written {\"key\": value}"},
      {"has(object)",
       "1:5: has() takes a field selection such as has(object.spec.replicas); for "
       "keys of a map use 'key' in x"},
      {"object.l.all(a.b, true)",
       "1:14: the first argument of all() names its variable and must be a plain name"},
      {"object.a &&\n  object.b ===\n 1", "2:14: '=' is no operator; equality is '=='"},
      {"'h\u00e9llo' + \u00e9", "1:11: unexpected character '\u00e9' outside of a string"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.expression);
    EXPECT_EQ(MessageOf(c.expression), c.message);
  }
}

TEST(Messages, NamesAndTypesAreExplained) {
  constexpr Case kCases[] = {
      {"objcet.spec", "1:1: undeclared name 'objcet', did you mean 'object'?"},
      {"x", "1:1: undeclared name 'x'; declared are: now, object, related, target"},
      {"size",
       "1:1: undeclared name 'size'; there is a function of that name, called as size(...)"},
      {"target.nmae", "1:8: 'target' has no field 'nmae', did you mean 'name'?"},
      {"target.uid", "1:8: 'target' has no field 'uid'; it has: name, namespace"},
      {"related.pdos.size()", "1:9: 'related' has no field 'pdos', did you mean 'pods'?"},
      {"object.name.starstWith('a')",
       "1:13: unknown function 'starstWith()', did you mean 'startsWith'?"},
      {"object.l.exist(x, true)", "1:10: unknown function 'exist()', did you mean 'exists'?"},
      {"object.l.all(true)",
       "1:10: all() is a macro and is written list.all(x, condition) or list.all(i, x, condition)"},
      {"all(true, true)",
       "1:1: all() is a macro and is written list.all(x, condition) or list.all(i, x, condition)"},
      {"\"x\" > 3", "1:5: '>' cannot be applied to string and int"},
      {"1 == 1.0",
       "1:3: '==' cannot be applied to int and double: they are never equal; convert "
       "one of them"},
      {"target.name + 1", "1:13: '+' cannot be applied to string and int"},
      {"!target.name", "1:1: '!' cannot be applied to string"},
      {"target.name && true", "1:1: what '&&' joins must be bool, not string"},
      {"target.name ? 1 : 2", "1:1: the condition of '?' must be bool, not string"},
      {"true ? 1 : 'a'",
       "1:6: the two results of '?' must be of one type, not int and string; "
       "dyn(...) around one of them lifts that"},
      {"target.name.length",
       "1:13: a value of type string has no field 'length'; fields are read "
       "of maps and objects"},
      {"target.name[0]", "1:12: string cannot be indexed with int"},
      {"object[null]", "1:8: a null_type cannot be an index or a key"},
      {"size(1)",
       "1:1: size(int) does not exist; possible: size(bytes), bytes.size(), "
       "size(list(dyn)), list(dyn).size(), size(map(dyn, dyn)), map(dyn, dyn).size(), "
       "size(string), string.size()"},
      {"[1, 'a']",
       "1:5: the elements of a list must be of one type: expected int, found string; "
       "dyn(...) around all of them lifts that"},
      {"{'a': 1, 'b': 'c'}",
       "1:15: the values of a map must be of one type: expected int, found "
       "string; dyn(...) around all of them lifts that"},
      {"[?1]", "1:3: an entry marked with '?' must be an optional, not int"},
      {"target.name.map(x, x)", "1:1: a string has no elements; macros go over lists and maps"},
      {"related.pods.filter(p, target.name)",
       "1:24: the condition of filter() must be bool, not "
       "string"},
      {"object.l.all(i, i, true)", "1:17: both variables of all() are named 'i'"},
      {"object.l.transformList(i, 1, true)",
       "1:27: the second argument of transformList() names its variable and must be a plain name"},
      {"object.l.transformMap(v, true)",
       "1:10: transformMap() is a macro and is written map.transformMap(k, v, result) or "
       "map.transformMap(k, v, condition, result)"},
      {"object.l.transformMapEntry(i, v, target.name)",
       "1:34: the result of transformMapEntry()'s expression must be map(dyn, dyn), not string"},
      {"object.l.transformList(i, v, target.name, v)",
       "1:30: the condition of the macro must be bool, not string"},
      {"quantity(target.name) > quantity('1')",
       "1:23: '>' cannot be applied to kubernetes.Quantity and kubernetes.Quantity"},
      {"quantity(target.name) == 1",
       "1:23: '==' cannot be applied to kubernetes.Quantity and int: they are never equal; "
       "convert one of them"},
      {"quantity(target.name).major()",
       "1:23: major() on kubernetes.Quantity does not exist; possible: "
       "kubernetes.Semver.major()"},
      {"cidr(target.name).contains('a')",
       "1:19: contains(string) on net.CIDR does not exist; possible: string.contains(string)"},
      {"ip(1)", "1:1: ip(int) does not exist; possible: ip(string), net.CIDR.ip()"},
      {"format.dns1123Lable().validate(target.name)",
       "1:8: unknown function 'format.dns1123Lable()', did you mean 'format.dns1123Label'?"},
      {"sets.contain([1], [1])",
       "1:6: unknown function 'sets.contain()', did you mean 'sets.contains'?"},
      {"object.s.matches('(')", "1:18: bad pattern '(': missing ): ("},
      {"timestamp('yesterday')",
       "1:11: 'yesterday' is no timestamp; one looks like 2006-01-02T15:04:05Z"},
      {"duration('5 minutes')",
       "1:10: '5 minutes' is no duration; one looks like 1h30m or 500ms "
       "(units: h, m, s, ms, us, ns)"},
      {"duration(5)", "1:10: a duration is written with units: duration('5m')"},
      {"'%d'.format(['a'])", "1:14: %d takes ints and uints, not string"},
      {"'%s %s'.format([1])", "1:16: the format string has 2 clauses, but there are 1 arguments"},
      {"'%q'.format([1])",
       "1:1: '%q' is no format clause; there are %s %d %f %e %b %x %X %o and %%"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.expression);
    EXPECT_EQ(MessageOf(c.expression), c.message);
  }
}

TEST(Messages, ResultOfAnotherTypeIsRefused) {
  EXPECT_EQ(MessageOf("target.name", Type::Bool()),
            "1:1: the expression is of type string, but bool is needed here");
  EXPECT_EQ(MessageOf("object.ready", Type::Bool()), "compiles");
  EXPECT_EQ(MessageOf("size(target.name) > 1", Type::Bool()), "compiles");
}

TEST(Messages, NowIsRefusedWhereNobodyKnowsUntilWhenItHolds) {
  constexpr Case kCases[] = {
      {"now",
       "1:1: the result is a time that depends on 'now' and would change with every "
       "instant; compare it with something, or take a field such as getHours()"},
      {"string(now)",
       "1:1: string() of a time that depends on 'now' would change with every "
       "instant; compare times instead: now - timestamp(x) > duration('5m')"},
      {"int(now - timestamp(object.t)) > 5",
       "1:1: int() of a time that depends on 'now' would change with every instant; compare times "
       "instead: now - timestamp(x) > duration('5m')"},
      {"{now: 1}.size() == 1",
       "1:2: the key of a map cannot depend on 'now': it would change with every instant"},
      {"sets.contains([string(now)], ['a'])",
       "1:16: string() of a time that depends on 'now' would change with every instant; compare "
       "times instead: now - timestamp(x) > duration('5m')"},
      {"[now].transformMapEntry(i, v, {v: i}).size() == 1",
       "1:32: the key of a map cannot depend on 'now': it would change with every instant"},
      {"object[now] == 1",
       "1:8: an index or key cannot depend on 'now': it would change with every instant"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.expression);
    EXPECT_EQ(MessageOf(c.expression), c.message);
  }
  for (const char* hidden : {"[now]",
                             "{'a': now}",
                             "dyn(now)",
                             "optional.of(now)",
                             "cel.bind(x, now, x)",
                             "object.l.map(x, now)",
                             "true ? now : now",
                             "[now].first().value()",
                             "[now][0]",
                             "[now - now, duration('1s')].max()",
                             "object.?t.orValue(now)",
                             "'%s'.format([[now]])",
                             "now.getMilliseconds() > 3",
                             "[now].map(x, string(x))",
                             "optional.of(now).optMap(x, x)",
                             "optional.ofNonZeroValue(now).hasValue()",
                             "{'a': now}.transformMap(k, v, v).a",
                             "[now].transformList(i, v, v)",
                             "[now].transformMapEntry(i, v, {v: 1}).size() == 1",
                             "[1].transformMapEntry(i, v, {'a': now})",
                             "quantity(string(now)).isInteger()",
                             "[now].all(i, v, string(v) == '')",
                             "isQuantity(string(now - timestamp(0)))"}) {
    SCOPED_TRACE(hidden);
    EXPECT_NE(MessageOf(hidden), "compiles");
  }
}

TEST(Messages, DepthAndLengthAreBounded) {
  const auto repeated = [](std::string_view piece, size_t n) {
    std::string text;
    for (size_t i = 0; i < n; ++i) text += piece;
    return text;
  };
  const std::string deep = "nested more than 250 levels deep";
  for (const std::string& expression :
       {repeated("(", 100000), repeated("[", 5000), repeated("!", 5000) + "true",
        repeated("-", 5000) + "1", "object" + repeated(".a", 5000), "1" + repeated(" + 1", 5000),
        repeated("true ? 1 : ", 300) + "1", repeated("{'a':", 5000)}) {
    EXPECT_NE(MessageOf(expression).find(deep), std::string::npos) << expression.substr(0, 20);
  }
  // Long chains of && and || are no depth.
  EXPECT_EQ(MessageOf("true" + repeated(" && object.a", 2000)), "compiles");
  EXPECT_EQ(MessageOf(std::string(100'001, ' ')),
            "1:1: the expression is longer than 100000 bytes");
  EXPECT_EQ(MessageOf("'\xff'"), "1:1: the expression is not valid UTF-8");
}

}  // namespace
}  // namespace kr::cel
