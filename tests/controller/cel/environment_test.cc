// What Kubernetes 1.34 declares, as the oracle lists it, is what there is here: every function with
// every overload, every macro, and nothing else.
#include <fstream>
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/cel/function.h"
#include "controller/cel/opaque.h"
#include "controller/cel/program.h"
#include "tests/controller/cel/support/canonical.h"

namespace kr::cel {
namespace {

using ::testing::IsEmpty;

std::string Spell(const Term* t) {
  if (IsParameter(t)) return std::string(1, static_cast<char>('A' + t->parameter));
  switch (t->kind) {
    case Type::Kind::kList:
      return "list(" + Spell(t->first) + ")";
    case Type::Kind::kMap:
      return "map(" + Spell(t->first) + ", " + Spell(t->second) + ")";
    case Type::Kind::kOptional:
      return "optional(" + Spell(t->first) + ")";
    case Type::Kind::kType:
      return "type(" + Spell(t->first) + ")";
    case Type::Kind::kOpaque:
      return std::string(t->opaque->name);
    default:
      return Type::Of(t->kind).ToString();
  }
}

std::string Spell(const std::string& name, const Overload& overload) {
  std::string text = name + (overload.member ? " .(" : " (");
  for (const Term* arg : overload.args) text += (text.back() == '(' ? "" : ", ") + Spell(arg);
  return text + ") " + Spell(overload.result);
}

std::set<std::string> Declared() {
  std::ifstream file(KR_SOURCE_DIR "/tests/oracle/environment.txt");
  std::set<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.insert(line);
  EXPECT_GT(lines.size(), 300u);
  return lines;
}

TEST(Environment, EveryFunctionAndOverloadOfKubernetesIsHere) {
  // Nodes of their own in our trees, old names of them, and the inside of macros.
  const std::set<std::string> internal = {"_&&_",
                                          "_||_",
                                          "_?_:_",
                                          "_?._",
                                          "in",
                                          "_in_",
                                          "cel.@mapInsert",
                                          "@sortByAssociatedKeys",
                                          "@not_strictly_false",
                                          "__not_strictly_false__"};
  std::set<std::string> names;
  std::set<std::string> missing;
  std::set<std::string> declared;
  for (const std::string& line : Declared()) {
    const std::string name = line.substr(0, line.find(' '));
    if (name == "macro" || internal.contains(name)) continue;
    declared.insert(line);
    names.insert(name);
  }
  std::set<std::string> ours;
  for (const std::string& name : names) {
    const Function* function = FindFunction(name);
    if (function == nullptr) continue;
    for (const Overload& overload : function->overloads) ours.insert(Spell(name, overload));
  }
  for (const std::string& line : declared) {
    if (!ours.contains(line)) missing.insert(line);
  }
  EXPECT_THAT(missing, IsEmpty());
  std::set<std::string> invented;
  for (const std::string& line : ours) {
    if (!declared.contains(line)) invented.insert(line);
  }
  for (const std::string& name : FunctionNames()) {
    if (!names.contains(name)) invented.insert(name);
  }
  EXPECT_THAT(invented, IsEmpty());
}

TEST(Environment, EveryMacroOfKubernetesIsHere) {
  for (const std::string& line : Declared()) {
    if (line.rfind("macro ", 0) != 0) continue;
    SCOPED_TRACE(line);
    const size_t space = line.rfind(' ');
    const std::string name = line.substr(6, space - 6);
    const int args = std::stoi(line.substr(space + 1));
    // A macro complains about its arguments, not that there is none of that name or number.
    std::string call = name[0] == '.' ? (name == ".bind" ? "cel" : "object") + name : name;
    call += "(1";
    for (int i = 1; i < args; ++i) call += ", 1";
    const auto program = Program::Compile(call + ")", testing::OracleScope());
    ASSERT_FALSE(program.ok());
    const std::string message(Message(program.status()));
    EXPECT_TRUE(message.find("must be a plain name") != std::string::npos ||
                message.find("takes a field selection") != std::string::npos)
        << message;
  }
}

}  // namespace
}  // namespace kr::cel
