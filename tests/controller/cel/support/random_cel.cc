#include "tests/controller/cel/support/random_cel.h"

#include <nlohmann/json.hpp>

namespace kr::testing {

using nlohmann::json;

json RandomCel::Scalar() {
  switch (Below(10)) {
    case 0:
      return nullptr;
    case 1:
      return Chance(50);
    case 2:
    case 3:
      return static_cast<int64_t>(Below(7)) - 2;
    case 4:
      return static_cast<double>(Below(9)) / 2;
    case 5:
      return OneOf("2024-01-02T03:04:05Z", "2025-12-31T23:59:59.5Z", "2026-01-02T03:04:00Z");
    default:
      return OneOf("", "a", "b", "abc", "Ready", "True", "x-1", "h\u00e9llo", "a,b,c", "3", "90s");
  }
}

json RandomCel::AnyValue(int depth) {
  if (depth <= 0 || Chance(50)) return Scalar();
  if (Chance(50)) {
    json list = json::array();
    for (size_t i = Below(4); i > 0; --i) list.push_back(AnyValue(depth - 1));
    return list;
  }
  // One entry at most: what a macro makes of several depends on their order.
  json map = json::object();
  for (size_t i = Below(2); i > 0; --i) map[OneOf("a", "b", "name", "k")] = AnyValue(depth - 1);
  return map;
}

// An entry of a list such as status.conditions or spec.containers.
json RandomCel::Item() {
  json item = json::object();
  item["name"] = OneOf("a", "b", "c", "Ready");
  if (Chance(80)) item["value"] = static_cast<int64_t>(Below(5));
  if (Chance(50)) item["ready"] = Chance(50);
  if (Chance(50)) item["labels"] = {{OneOf("k", "app"), OneOf("a", "b")}};
  if (Chance(60)) item["time"] = OneOf("2026-01-02T03:00:00Z", "2026-01-02T02:04:05Z");
  if (Chance(10)) item["value"] = AnyValue(1);
  return item;
}

json RandomCel::Object() {
  json object = json::object();
  const auto put = [&](const std::string& key, json value) {
    if (Chance(8)) return;
    object[key] = Chance(6) ? AnyValue(2) : std::move(value);
  };
  put("i", static_cast<int64_t>(Below(10)) - 3);
  put("j", static_cast<int64_t>(Below(5)));
  put("d", static_cast<double>(Below(10)) / 4);
  put("b", Chance(50));
  put("s", OneOf("", "abc", "Ready", "h\u00e9llo w\u00f6rld", "a,b,c", "x-1", "12"));
  put("t", OneOf("2026-01-02T03:04:05Z", "2026-01-02T03:00:00Z", "2025-07-01T00:00:00Z"));
  put("n", nullptr);
  json ints = json::array();
  for (size_t i = Below(4); i > 0; --i) ints.push_back(static_cast<int64_t>(Below(5)));
  put("l", ints);
  json words = json::array();
  for (size_t i = Below(4); i > 0; --i) words.push_back(OneOf("a", "b", "c", "abc", "Ready"));
  put("w", words);
  json items = json::array();
  for (size_t i = Below(4); i > 0; --i) items.push_back(Item());
  put("o", items);
  put("m", {{"k", OneOf("v", "a")}, {"app", "web"}, {"n", nullptr}});
  put("deep", {{"a", {{"b", {{"c", static_cast<int64_t>(Below(3))}}}}}, {"list", items}});
  put("q", OneOf("1", "500m", "1.5Gi", "2e3", "1Ki", "Mb", "-3k", "0"));
  put("v", OneOf("1.2.3", "v1.34.8", "1.30", "2.0.0-rc.1", "01.2.3"));
  put("ip", OneOf("10.1.2.3", "::1", "fe80::1", "FD00::1", "192.168.1.300", "127.0.0.1"));
  put("url", OneOf("https://a.b:8443/p/q?x=1&x=2&y=a%20b#f", "/p?x", "mailto:a", "http://[::1]/"));
  put("x", AnyValue(3));
  return object;
}

std::string RandomCel::NewName() {
  return "v" + std::to_string(names_++);
}

std::string RandomCel::Expression() {
  names_ = 0;
  items_.clear();
  ints_.clear();
  words_.clear();
  const int depth = 2 + static_cast<int>(Below(3));
  return Gen(static_cast<Want>(Below(kWants)), depth);
}

std::string RandomCel::Gen(Want want, int depth) {
  if (Chance(2)) want = static_cast<Want>(Below(kWants));  // most likely a type error
  switch (want) {
    case Want::kBool:
      return Bool(depth);
    case Want::kInt:
      return Int(depth);
    case Want::kDouble:
      return Double(depth);
    case Want::kString:
      return String(depth);
    case Want::kInts:
      return Ints(depth);
    case Want::kStrings:
      return Strings(depth);
    case Want::kObjects:
      return Objects(depth);
    case Want::kAny:
      return Any(depth);
  }
  return "null";
}

std::string RandomCel::Base() {
  if (!items_.empty() && Chance(70)) {
    return items_[Below(items_.size())] +
           OneOf(".name", ".value", ".ready", ".labels.k", ".?value");
  }
  return OneOf("object.i", "object.s", "object.n", "object.x", "object.m.k", "object.deep.a.b",
               "object.m", "object.missing", "object.l", "object.x.a", "object.x[0]", "object.?x.a",
               "object.o[0].name", "object['s']", "object.m['n']", "object.b");
}

std::string RandomCel::Bool(int depth) {
  if (depth <= 0) {
    return OneOf("true", "false", "object.b", "has(object.i)", "has(object.n)", "has(object.x.a)",
                 "has(object.m.n)", "has(object.missing.a)", "object.n == null",
                 "object.x != null");
  }
  if (Chance(20)) return LibraryBool(depth);
  switch (Below(20)) {
    case 0:
    case 1:
      return "(" + Bool(depth - 1) + OneOf(" && ", " || ") + Bool(depth - 1) + ")";
    case 2:
      return "!" + Bool(0);
    case 3:
    case 4:
      return "(" + Int(depth - 1) + OneOf(" < ", " <= ", " > ", " >= ", " == ", " != ") +
             Int(depth - 1) + ")";
    case 5:
      return "(" + String(depth - 1) + OneOf(" == ", " != ", " < ", " >= ") + String(depth - 1) +
             ")";
    case 6:
      return "(" + Any(depth - 1) + OneOf(" == ", " != ", " < ") + Any(depth - 1) + ")";
    case 7:
      return String(depth - 1) + "." + OneOf("contains", "startsWith", "endsWith") + "(" +
             String(0) + ")";
    case 8:
      return String(depth - 1) + ".matches(" +
             OneOf("'^[a-z]+$'", "'a|b'", "'^$'", "'l+o'", "'\\\\d+'") + ")";
    case 9:
      return "(" + String(0) + " in " + OneOf("object.m", "object.w", "['a', 'b']", "object.x") +
             ")";
    case 10:
      return "(" + Int(0) + " in " + Ints(depth - 1) + ")";
    case 11: {
      const std::string list = Objects(depth - 1);
      const std::string name = NewName();
      items_.push_back(name);
      std::string e = list + "." + OneOf("exists", "all", "exists_one") + "(" + name + ", " +
                      Bool(depth - 1) + ")";
      items_.pop_back();
      return e;
    }
    case 12: {
      const std::string list = Ints(depth - 1);
      const std::string name = NewName();
      ints_.push_back(name);
      std::string e = list + "." + OneOf("exists", "all", "exists_one") + "(" + name + ", " + name +
                      OneOf(" > ", " == ", " <= ") + Int(depth - 1) + ")";
      ints_.pop_back();
      return e;
    }
    case 13: {
      const std::string name = NewName();
      words_.push_back(name);
      std::string e = OneOf("object.m", "object.x", "object.?m.orValue({})") + "." +
                      OneOf("exists", "all") + "(" + name + ", " + name + OneOf(" == ", " != ") +
                      String(0) + ")";
      words_.pop_back();
      return e;
    }
    case 14:
      return "(" + Bool(depth - 1) + " ? " + Bool(depth - 1) + " : " + Bool(depth - 1) + ")";
    case 15:
      return OneOf("object.?b", "object.?x.ready", "object.?missing") + ".orValue(" +
             OneOf("true", "false") + ")";
    case 16:
      return OneOf("object.?x", "object.?m.k", "object[?'s']", "object.?l[0]", "object.?n") +
             ".hasValue()";
    case 17:
      return Ints(depth - 1) + ".isSorted()";
    case 18:
      return "(type(" + Any(depth - 1) + ") == " + OneOf("int", "string", "list", "map", "bool") +
             ")";
    default:
      return "(timestamp(object.t) " + OneOf("<", ">=", "==") +
             " timestamp('2026-01-02T03:00:00Z'))";
  }
}

std::string RandomCel::Int(int depth) {
  if (depth <= 0) {
    if (!ints_.empty() && Chance(50)) return ints_[Below(ints_.size())];
    if (!items_.empty() && Chance(50)) return items_[Below(items_.size())] + ".value";
    return OneOf("0", "1", "2", "-1", "7", "object.i", "object.j", "object.deep.a.b.c",
                 "object.l[0]", "object.l[1]", "object.missing", "9223372036854775807");
  }
  if (Chance(15)) return LibraryInt(depth);
  switch (Below(12)) {
    case 0:
    case 1:
    case 2:
      return "(" + Int(depth - 1) + OneOf(" + ", " - ", " * ", " / ", " % ") + Int(depth - 1) + ")";
    case 3:
      return "size(" +
             OneOf(Strings(depth - 1), String(depth - 1), Objects(depth - 1),
                   std::string("object.m"), std::string("object.x")) +
             ")";
    case 4:
      return Objects(depth - 1) + ".size()";
    case 5:
      return Ints(depth - 1) + OneOf(".sum()", ".max()", ".min()");
    case 6:
      return String(depth - 1) + OneOf(".indexOf(", ".lastIndexOf(") + String(0) + ")";
    case 7:
      return "int(" +
             OneOf(Double(depth - 1), std::string("object.s"), std::string("object.d"),
                   std::string("'12'")) +
             ")";
    case 8:
      return "(" + Bool(depth - 1) + " ? " + Int(depth - 1) + " : " + Int(depth - 1) + ")";
    case 9:
      return OneOf("object.?i", "object.?deep.a.b.c", "object.?missing.a", "object.?n",
                   "object[?'j']", "object.?l[2]") +
             ".orValue(" + Int(0) + ")";
    case 10:
      return "timestamp(object.t)." + OneOf("getHours()", "getFullYear()", "getDayOfWeek()",
                                            "getMonth()", "getHours('Europe/Berlin')",
                                            "getDate('-08:00')", "getMinutes()", "getDayOfYear()");
    default:
      return Ints(depth - 1) + OneOf(".indexOf(", ".lastIndexOf(") + Int(0) + ")";
  }
}

std::string RandomCel::Double(int depth) {
  if (depth <= 0) return OneOf("0.5", "1.0", "-2.25", "1e3", "object.d", "object.i");
  switch (Below(4)) {
    case 0:
      return "(" + Double(depth - 1) + OneOf(" + ", " - ", " * ", " / ") + Double(depth - 1) + ")";
    case 1:
      return "double(" + OneOf(Int(depth - 1), std::string("object.s"), std::string("'1.5'")) + ")";
    case 2:
      return "[0.5, object.?d.orValue(1.5)].filter(v, true)" + OneOf(".sum()", ".max()", ".min()");
    default:
      return Double(0);
  }
}

std::string RandomCel::String(int depth) {
  if (depth <= 0) {
    if (!words_.empty() && Chance(50)) return words_[Below(words_.size())];
    if (!items_.empty() && Chance(50)) return items_[Below(items_.size())] + ".name";
    return OneOf("''", "'a'", "'abc'", "'k'", "'h\u00e9'", "object.s", "object.m.k", "object.w[0]",
                 "object.x", "'Ready'");
  }
  if (Chance(12)) return LibraryString(depth);
  switch (Below(16)) {
    case 0:
    case 1:
      return "(" + String(depth - 1) + " + " + String(depth - 1) + ")";
    case 2:
      return String(depth - 1) + OneOf(".lowerAscii()", ".upperAscii()", ".trim()");
    case 3:
      return String(depth - 1) + ".replace(" + String(0) + ", " + String(0) +
             OneOf(")", ", 1)", ", 0)", ", -1)");
    case 4:
      return String(depth - 1) + ".substring(" + Int(0) + OneOf(")", ", " + Int(0) + ")");
    case 5:
      return String(depth - 1) + ".charAt(" + Int(0) + ")";
    case 6:
      return Strings(depth - 1) + OneOf(".join()", ".join(', ')");
    case 7:
      return "string(" + OneOf(Int(depth - 1), Double(depth - 1), Bool(depth - 1), String(0)) + ")";
    case 8:
      return String(depth - 1) + ".find(" + OneOf("'[a-c]+'", "'x'", "'l*'", "'\\\\w$'") + ")";
    case 9:
      return "'%s/%d|%.2f'.format([" + String(0) + ", " + Int(depth - 1) + ", " + Double(0) + "])";
    case 10:
      return "'%s'.format([" + Any(depth - 1) + "])";
    case 11:
      return "strings.quote(" + String(depth - 1) + ")";
    case 12:
      return "(" + Bool(depth - 1) + " ? " + String(depth - 1) + " : " + String(depth - 1) + ")";
    case 13:
      return OneOf("object.?s", "object.?m.k", "object.m[?'k']", "object.?x", "object.?w[0]") +
             ".orValue(" + String(0) + ")";
    case 14:
      return "'%x %X %o %b'.format([" + Int(0) + ", " + String(0) + ", " + Int(0) + ", " + Int(0) +
             "])";
    default:
      return "string(" + Span(depth - 1) + ")";
  }
}

std::string RandomCel::Ints(int depth) {
  if (depth <= 0) return OneOf("object.l", "[1, 2, 3]", "[3, 1]", "lists.range(3)", "object.x");
  if (Chance(12)) return LibraryList(depth);
  switch (Below(12)) {
    case 0: {
      const std::string list = Ints(depth - 1);
      const std::string name = NewName();
      ints_.push_back(name);
      std::string e = list + ".map(" + name + ", " + Int(depth - 1) + ")";
      ints_.pop_back();
      return e;
    }
    case 1: {
      const std::string list = Ints(depth - 1);
      const std::string name = NewName();
      ints_.push_back(name);
      std::string e =
          list + ".filter(" + name + ", " + name + OneOf(" > ", " != ") + Int(depth - 1) + ")";
      ints_.pop_back();
      return e;
    }
    case 2: {
      const std::string list = Objects(depth - 1);
      const std::string name = NewName();
      items_.push_back(name);
      std::string e = list + ".map(" + name + ", has(" + name + ".value), " + name + ".value)";
      items_.pop_back();
      return e;
    }
    case 3:
      return "(" + Ints(depth - 1) + " + " + Ints(depth - 1) + ")";
    case 4:
      return Ints(depth - 1) + OneOf(".sort()", ".reverse()", ".distinct()");
    case 5:
      return Ints(depth - 1) + ".slice(" + OneOf("0", "1") + ", " + OneOf("1", "2", "3") + ")";
    case 6:
      return "[" + Ints(depth - 1) + ", " + Ints(depth - 1) + "].flatten()";
    case 7: {
      const std::string name = NewName();
      return Ints(depth - 1) + ".sortBy(" + name + ", -" + name + ")";
    }
    case 8:
      return "[?object.?i, ?object.?missing].map(v, v)";
    case 9:
      return "cel.bind(w0, " + Ints(depth - 1) + ", w0 + w0)";
    default:
      return Ints(0);
  }
}

std::string RandomCel::Strings(int depth) {
  if (depth <= 0) return OneOf("object.w", "['b', 'a']", "object.s.split(',')");
  switch (Below(8)) {
    case 0:
      return String(depth - 1) + ".split(" + OneOf("','", "''", "'a'", "', ', 2") + ")";
    case 1: {
      const std::string list = Objects(depth - 1);
      const std::string name = NewName();
      items_.push_back(name);
      std::string e = list + ".map(" + name + ", " + String(depth - 1) + ")";
      items_.pop_back();
      return e;
    }
    case 2: {
      const std::string list = Strings(depth - 1);
      const std::string name = NewName();
      words_.push_back(name);
      std::string e = list + OneOf(".map(", ".filter(") + name + ", " +
                      OneOf(name + " + '!'", name + " != 'a'") + ")";
      words_.pop_back();
      return e;
    }
    case 3:
      return String(depth - 1) + ".findAll(" + OneOf("'[a-z]'", "'l*'", "'[a-c]', 2") + ")";
    case 4:
      return Strings(depth - 1) + OneOf(".sort()", ".reverse()", ".distinct()");
    case 5:
      return "object.m.map(v, v).sort()";
    default:
      return Strings(0);
  }
}

std::string RandomCel::Objects(int depth) {
  if (depth <= 0) return OneOf("object.o", "object.?o.orValue([])", "object.deep.list", "object.o");
  switch (Below(8)) {
    case 0:
    case 1: {
      const std::string list = Objects(depth - 1);
      const std::string name = NewName();
      items_.push_back(name);
      std::string e = list + ".filter(" + name + ", " + Bool(depth - 1) + ")";
      items_.pop_back();
      return e;
    }
    case 2: {
      const std::string name = NewName();
      return Objects(depth - 1) + ".sortBy(" + name + ", " + name + OneOf(".name", ".value") + ")";
    }
    case 3:
      return Objects(depth - 1) + OneOf(".reverse()", ".distinct()", ".slice(0, 1)");
    case 4:
      return "(" + Bool(depth - 1) + " ? " + Objects(depth - 1) + " : " + Objects(depth - 1) + ")";
    case 5:
      return "(" + Objects(depth - 1) + " + " + Objects(depth - 1) + ")";
    default:
      return Objects(0);
  }
}

std::string RandomCel::Any(int depth) {
  if (depth <= 0) return OneOf(Base(), std::string("null"), Int(0), String(0), Double(0));
  if (Chance(12)) return LibraryAny(depth);
  switch (Below(14)) {
    case 0:
      return "{" + String(0) + ": " + Int(depth - 1) + "}";
    case 1:
      return "[" + Any(depth - 1) + "]";
    case 2:
      // Not of an optional: cel-go merges nested ones here and there.
      return "optional.of(" + Gen(static_cast<Want>(Below(7)), depth - 1) + ")";
    case 3:
      return "optional.ofNonZeroValue(" + Any(depth - 1) + ")";
    case 4:
      return "dyn(" + Any(depth - 1) + ")";
    case 5:
      return OneOf("object.?x.a.b", "object.?o[0].name", "object.x.?a", "object.?deep.a.?b.c",
                   "object.?s.a", "object.?n.a", "object.?l[?0]");
    case 6:
      return "object.?" + OneOf("x", "o", "i", "missing", "n") + ".optMap(v, " +
             OneOf("v", "[v]", "1") + ")";
    case 7:
      return "object.?" + OneOf("x", "m", "deep") + ".optFlatMap(v, v." + OneOf("?a", "?k") + ")";
    case 8: {
      std::string value = Any(depth - 1);
      if (value.find("optional.") != std::string::npos) value = Int(0);  // nested ones, see above
      return "cel.bind(w1, " + value + ", " + OneOf("w1", "[w1, w1]", "w1 == w1") + ")";
    }
    case 9:
      return Objects(depth - 1) + OneOf("[0]", ".first()", ".last()", "[?0]", ".size()");
    case 10:
      return "object.?x.or(object.?s)";
    case 11:
      return "object.deep" + OneOf("", ".a", ".list", ".a.b.c");
    default:
      return Gen(static_cast<Want>(Below(7)), depth - 1);
  }
}

std::string RandomCel::Time(int depth) {
  if (!items_.empty() && Chance(50)) return "timestamp(" + items_[Below(items_.size())] + ".time)";
  if (depth <= 0) {
    return OneOf("timestamp(object.t)", "timestamp('2026-01-02T03:00:00Z')",
                 "timestamp(1767323045)");
  }
  return "(" + Time(depth - 1) + OneOf(" + ", " - ") + Span(depth - 1) + ")";
}

std::string RandomCel::Span(int depth) {
  if (depth <= 0)
    return OneOf("duration('90s')", "duration('1h30m')", "duration('-5s')", "duration('1ms')");
  return OneOf("(" + Time(0) + " - " + Time(depth - 1) + ")", Span(0),
               "(" + Span(depth - 1) + " + " + Span(0) + ")");
}

// A time or duration that moves with now, as (duration expression).
std::string RandomCel::Moving(int depth) {
  switch (Below(5)) {
    case 0:
      return "(" + Time(depth) + " - now)";
    case 1:
      return "(now - " + Time(depth) + " + (now - " + Time(0) + "))";
    case 2:
      return "[now - " + Time(depth) + ", " + Span(0) + "]" + OneOf(".max()", ".min()", ".sum()");
    default:
      return "(now - " + Time(depth) + ")";
  }
}

std::string RandomCel::TimeExpression() {
  names_ = 0;
  items_.clear();
  ints_.clear();
  words_.clear();
  const auto comparison = [&](int depth) {
    const std::string op = OneOf(" < ", " <= ", " > ", " >= ", " == ", " != ");
    switch (Below(8)) {
      case 6:
        return "sets." + OneOf("contains", "intersects", "equivalent") + "([" + Span(0) + ", " +
               Moving(0) + "], [" + OneOf(Span(0), Moving(0)) + "])";
      case 0:
        return "now" + op + Time(depth);
      case 1:
        return "(now + " + Span(depth) + ").get" +
               OneOf("Hours()", "Minutes()", "Date()", "DayOfWeek('America/New_York')",
                     "Hours('Europe/Berlin')", "FullYear()", "Month('-05:00')") +
               op + Int(0);
      case 2:
        return Moving(depth) + ".get" + OneOf("Hours()", "Minutes()", "Seconds()") + op + Int(0);
      case 3:
        return "[" + Span(0) + ", " + Moving(depth) + "]" +
               OneOf(".isSorted()", ".indexOf(duration('90s')) == 0", ".distinct().size() == 2");
      case 4:
        return "(object.b ? now : " + Time(depth) + ")" + op + Time(0);
      default:
        return Moving(depth) + op + Span(depth);
    }
  };
  switch (Below(6)) {
    case 4:
      return "[now, " + Time(0) + "]." + OneOf("exists", "all", "existsOne") +
             "(i, v, i == " + OneOf("0", "1") + " || v" + OneOf(" < ", " >= ", " == ") + Time(0) +
             ")";
    case 5:
      return "{'k': " + Moving(0) + "}.transformMap(k, v, v + " + Span(0) + ").k" +
             OneOf(" < ", " >= ") + Span(0) + " && [" + Moving(0) + "].transformList(i, v, v)[0]" +
             OneOf(" > ", " != ") + Span(0);
    case 0:
      return comparison(1) + OneOf(" && ", " || ") + comparison(1);
    case 1:
      items_.push_back("v");
      return "object.o." + OneOf("exists", "all", "exists_one") + "(v, " + comparison(1) + ")";
    case 2:
      return comparison(1) + " ? " + comparison(0) + " : " + comparison(0);
    default:
      return comparison(1);
  }
}

std::string RandomCel::TimeComparison() {
  const std::string op = OneOf(" < ", " <= ", " > ", " >= ", " == ", " != ");
  switch (Below(4)) {
    case 0:
      return "now" + op + Time(1);
    case 1:
      return Time(1) + op + "now";
    case 2:
      return "(now - " + Time(1) + ")" + op + Span(1);
    default:
      return Span(1) + op + "(" + Time(1) + " - now + " + Span(0) + ")";
  }
}

std::string RandomCel::TokenSoup() {
  std::string soup;
  for (size_t i = 1 + Below(40); i > 0; --i) {
    soup +=
        OneOf("object", ".", "?", "(", ")", "[", "]", "{", "}", ",", ":", "+", "-", "!", "&&", "||",
              "==", "in", "'a'", "\"", "'''", "b'\\x41'", "r'\\'", "1", "0x", "1.5e", "5u", " ",
              "has(", ".map(x, ", ".all(", "cel.bind(x, ", "true", "null", "now", "size(",
              "optional.of(", ".?a", "[?0]", "\xc3\xa9", "\xff", "//", "\n", "9999999999999999999",
              "timestamp('", "quantity('", ".transformMap(i, v, ", "sets.contains(", "format.",
              "ip(", "duration(", ".matches('('", "as", "<", "%", "`a`", "\\u00e9");
  }
  return soup;
}

}  // namespace kr::testing
