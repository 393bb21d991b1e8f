// The libraries that Kubernetes adds. What cel-go itself gets wrong is avoided: a sum of quantities
// on the right of an equality, types that are no constants bound to a variable.
#include "tests/controller/cel/support/random_cel.h"

namespace kr::testing {

std::string RandomCel::Quantity(int depth) {
  if (depth > 0 && Chance(40)) {
    return Quantity(depth - 1) + OneOf(".add(", ".sub(") +
           (Chance(50) ? Quantity(depth - 1) : Int(0)) + ")";
  }
  return "quantity(" +
         OneOf("'1'", "'1500m'", "'1.5Gi'", "'-2k'", "'1e3'", "'0'", "'12345678901234567890'",
               "'1Mb'", "'0.1'", "object.q", "object.q", "object.i", "string(object.i)") +
         ")";
}

std::string RandomCel::Semver() {
  return "semver(" +
         OneOf("'1.2.3'", "'1.2.3-rc.1'", "'1.10.0+b'", "'1.2'", "object.v", "object.v, true",
               "'v1.34', true", "object.v, object.b") +
         ")";
}

std::string RandomCel::Ip() {
  return "ip(" +
         OneOf("'10.0.0.1'", "'::1'", "'0:0::1'", "'fe80::1'", "'1.2.3'", "object.ip", "object.ip",
               "object.s") +
         ")";
}

std::string RandomCel::Cidr() {
  return "cidr(" +
         OneOf("'10.0.0.0/8'", "'10.1.2.3/16'", "'0.0.0.0/0'", "'fd00::/8'", "'::/0'",
               "object.ip + '/24'", "object.ip + '/128'", "'10.0.0.0/40'") +
         ")";
}

std::string RandomCel::Url() {
  return "url(" +
         OneOf("'http://h:80/a b'", "'https://u@h/%41?q=1'", "object.url", "object.url",
               "'/' + object.s", "object.s") +
         ")";
}

std::string RandomCel::TwoVariables(std::string_view macro, const std::string& range,
                                    std::vector<std::string>& second, int depth, Want body) {
  const std::string index = NewName();
  const std::string value = NewName();
  ints_.push_back(index);
  second.push_back(value);
  std::string e = range + "." + std::string(macro) + "(" + index + ", " + value + ", ";
  const bool transforms = macro.substr(0, 9) == "transform";
  if (transforms && Chance(40)) e += Bool(depth - 1) + ", ";
  if (macro == "transformMapEntry") {
    e += "{" + OneOf(index, "string(" + index + ")", "'k'", value + ".name") + ": " +
         Gen(body, depth - 1) + "})";
  } else {
    e += Gen(body, depth - 1) + ")";
  }
  second.pop_back();
  ints_.pop_back();
  return e;
}

std::string RandomCel::LibraryBool(int depth) {
  switch (Below(16)) {
    case 0:
      return Quantity(depth - 1) + OneOf(".isGreaterThan(", ".isLessThan(") + Quantity(depth - 1) +
             ")";
    case 1:
      return "(" + Quantity(depth - 1) + OneOf(" == ", " != ") + Quantity(0) + ")";
    case 2:
      return Quantity(depth - 1) + ".isInteger()";
    case 3:
      return Semver() + OneOf(".isGreaterThan(", ".isLessThan(") + Semver() + ")";
    case 4:
      return "(" + Semver() + " == " + Semver() + ")";
    case 5:
      return OneOf("isQuantity(", "isSemver(", "isIP(", "isCIDR(", "isURL(", "ip.isCanonical(") +
             OneOf(String(depth - 1), std::string("object.q"), std::string("object.v"),
                   std::string("object.ip"), std::string("object.url")) +
             ")";
    case 6:
      return Ip() + "." +
             OneOf("isUnspecified", "isLoopback", "isLinkLocalMulticast", "isLinkLocalUnicast",
                   "isGlobalUnicast") +
             "()";
    case 7:
      return "(" + OneOf(Ip() + " == " + Ip(), Cidr() + " == " + Cidr(), Url() + " == " + Url()) +
             ")";
    case 8:
      return Cidr() + ".containsIP(" + OneOf(Ip(), std::string("object.ip"), String(0)) + ")";
    case 9:
      return Cidr() + ".containsCIDR(" + OneOf(Cidr(), std::string("'10.1.0.0/16'")) + ")";
    case 10:
      return "sets." + OneOf("contains", "intersects", "equivalent") + "(" +
             (Chance(50) ? Ints(depth - 1) + ", " + Ints(depth - 1)
                         : Strings(depth - 1) + ", " + Strings(depth - 1)) +
             ")";
    case 11:
      return "format." +
             OneOf("dns1123Label", "dns1123Subdomain", "labelValue", "qualifiedName",
                   "dns1035LabelPrefix", "byte", "date", "datetime") +
             "().validate(" + String(depth - 1) + ").hasValue()";
    case 12:
      return TwoVariables(OneOf("all", "exists", "existsOne", "exists_one"), Ints(depth - 1), ints_,
                          depth, Want::kBool);
    case 13:
      return TwoVariables(OneOf("all", "exists", "existsOne"), "object.m", words_, depth,
                          Want::kBool);
    case 14:
      return "(dyn(" + OneOf(Quantity(0), Ip(), Url(), Semver()) + ") == dyn(" + Base() + "))";
    default:
      return TwoVariables(OneOf("all", "exists"), Objects(depth - 1), items_, depth, Want::kBool);
  }
}

std::string RandomCel::LibraryInt(int depth) {
  switch (Below(6)) {
    case 0:
      return "sign(" + Quantity(depth - 1) + ")";
    case 1:
      return Quantity(depth - 1) + OneOf(".asInteger()", ".compareTo(" + Quantity(depth - 1) + ")");
    case 2:
      return Semver() + OneOf(".major()", ".minor()", ".patch()", ".compareTo(" + Semver() + ")");
    case 3:
      return OneOf(Ip() + ".family()", Cidr() + ".prefixLength()");
    case 4:
      return "int(" + Quantity(depth - 1) + ".asApproximateFloat())";
    default:
      return OneOf("object.m", "object.x", "object.l") + ".transformMap(a0, b0, b0).size()";
  }
}

std::string RandomCel::LibraryString(int depth) {
  switch (Below(4)) {
    case 0:
      return Url() + "." +
             OneOf("getScheme()", "getHost()", "getHostname()", "getPort()", "getEscapedPath()",
                   "getQuery().x[0]", "getQuery().?y[?0].orValue('')");
    case 1:
      return "string(" + OneOf(Ip(), Cidr(), Cidr() + ".masked()", Cidr() + ".ip()") + ")";
    case 2:
      return "format.named(" + OneOf("'uuid'", "'date'", "'labelValue'", "object.s") +
             ").optMap(f, f.validate(" + String(depth - 1) + ").orValue([]).join()).orValue('')";
    default:
      return "(" + String(depth - 1) + " + string(" + Ip() + "))";
  }
}

std::string RandomCel::LibraryList(int depth) {
  switch (Below(3)) {
    case 0:
      return TwoVariables("transformList", Ints(depth - 1), ints_, depth, Want::kInt);
    case 1:
      return TwoVariables("transformList", Objects(depth - 1), items_, depth, Want::kInt);
    default:
      return "[" + Semver() + ", " + Semver() + "].map(c0, c0." + OneOf("major", "minor", "patch") +
             "())";
  }
}

std::string RandomCel::LibraryAny(int depth) {
  switch (Below(9)) {
    case 0:
      return Quantity(0);
    case 1:
      return OneOf(Semver(), Ip(), Cidr(), Cidr() + ".masked()", Url());
    case 2:
      return OneOf("[" + Ip() + "]", "{'q': " + Quantity(0) + "}");
    case 3:
      return TwoVariables("transformMap", Ints(depth - 1), ints_, depth, Want::kAny);
    case 4:
      return TwoVariables("transformMapEntry", Ints(depth - 1), ints_, depth, Want::kInt);
    case 5:
      return TwoVariables("transformMapEntry", Objects(depth - 1), items_, depth, Want::kString);
    case 6:
      return TwoVariables("transformMap", OneOf("object.m", "object.x", "object.deep"), words_,
                          depth, Want::kString);
    case 7:
      return "[" + Quantity(0) + ", " + Quantity(0) + "].distinct()";
    default:
      return OneOf("object.o", "object.?o.orValue([])") +
             ".transformMapEntry(d0, e0, {e0.name: e0})" +
             OneOf("", ".Ready", ".a.value", ".?b.labels", "['c']", ".Ready.time");
  }
}

}  // namespace kr::testing
