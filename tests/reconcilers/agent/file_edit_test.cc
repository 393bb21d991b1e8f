#include "reconcilers/agent/file_edit.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace kr::agent {
namespace {

using crds::FileFormat;
using crds::FileSetting;
using crds::ValueType;

struct Case {
  FileFormat format;
  const char* before;
  FileSetting set;
  const char* after;  // or, when the result is an error, "! " and what it says
};

const Case kCases[] = {
    // YAML.
    {FileFormat::kYaml,
     "a: 1\nb: 2 # two\nc: 3\n",
     {"/b", "5", ValueType::kInteger},
     "a: 1\nb: 5 # two\nc: 3\n"},
    {FileFormat::kYaml,
     "# head\nkind: K\n",
     {"/kubeAPIQPS", "50", ValueType::kInteger},
     "# head\nkubeAPIQPS: 50\nkind: K\n"},
    {FileFormat::kYaml, "a:\n    b: 'x'\n", {"/a/b", "y"}, "a:\n    b: \"y\"\n"},
    {FileFormat::kYaml,
     "a:\n    b: x\n",
     {"/a/c/d", "y"},
     "a:\n    c:\n      d: \"y\"\n    b: x\n"},
    {FileFormat::kYaml, "a: \"50\"\n", {"/a", "50"}, "a: \"50\"\n"},
    {FileFormat::kYaml, "a: 50\n", {"/a", "50"}, "a: \"50\"\n"},
    {FileFormat::kYaml, "a: true\n", {"/a", "true", ValueType::kBoolean}, "a: true\n"},
    {FileFormat::kYaml, "", {"/a/b", "1", ValueType::kInteger}, "a:\n  b: 1\n"},
    {FileFormat::kYaml,
     "l:\n- {n: a, v: 1}\n- n: b\n  v: 2\n",
     {"/l/1/v", "3", ValueType::kInteger},
     "l:\n- {n: a, v: 1}\n- n: b\n  v: 3\n"},
    {FileFormat::kYaml,
     "l:\n- n: b\n",
     {"/l/0/v", "3", ValueType::kInteger},
     "l:\n- v: 3\n  n: b\n"},
    {FileFormat::kYaml,
     "c:\n  - kube-apiserver\n  - --v=2\n  - --x=y\ni: 1\n",
     {"/c/--v=", "4"},
     "c:\n  - kube-apiserver\n  - --v=4\n  - --x=y\ni: 1\n"},
    {FileFormat::kYaml,
     "c:\n  - kube-apiserver\n  - --v=2 # why\ni: 1\n",
     {"/c/--x=", "y"},
     "c:\n  - kube-apiserver\n  - --v=2 # why\n  - --x=y\ni: 1\n"},
    {FileFormat::kYaml, "c:\n- a\n- --v=2", {"/c/--x=", "y z"}, "c:\n- a\n- --v=2\n- \"--x=y z\""},
    {FileFormat::kYaml, "c:\n- --v=2\n- --v=3\n", {"/c/--v=", "4"}, "! more than one element"},
    {FileFormat::kYaml, "a: |\n  x\n", {"/a", "y"}, "! its value goes over several lines"},
    {FileFormat::kYaml, "a: {}\n", {"/a/b", "y"}, "! nothing can be added"},
    {FileFormat::kYaml, "a: [1]\n", {"/a", "y"}, "! is not a single value"},
    {FileFormat::kYaml, "a: 1\n", {"/a/b", "y"}, "! what is above b is neither"},
    {FileFormat::kYaml, "a: 1\n---\nb: 2\n", {"/a", "y"}, "! more than one document"},
    {FileFormat::kYaml, "a: [1\n", {"/a", "y"}, "! the file is not YAML"},
    {FileFormat::kYaml, "a: 1\n", {"/a", "x", ValueType::kInteger}, "! expected an integer"},
    {FileFormat::kYaml, "a: &x 1\nb: *x\n", {"/b", "2", ValueType::kInteger}, "!"},
    // TOML.
    {FileFormat::kToml,
     "version = 3\n[a.b]\n  x = 1 # one\n",
     {"/a/b/x", "2", ValueType::kInteger},
     "version = 3\n[a.b]\n  x = 2 # one\n"},
    {FileFormat::kToml, "[a]\n  x = 'y'\n", {"/a/z", "w"}, "[a]\n  z = \"w\"\n  x = 'y'\n"},
    {FileFormat::kToml,
     "v = 1\n",
     {"/plugins/io.c.v1.cri/SystemdCgroup", "true", ValueType::kBoolean},
     "v = 1\n\n[plugins.'io.c.v1.cri']\nSystemdCgroup = true\n"},
    {FileFormat::kToml,
     "[plugins.\"io.c.v1.cri\"]\nSystemdCgroup = false\n",
     {"/plugins/io.c.v1.cri/SystemdCgroup", "true", ValueType::kBoolean},
     "[plugins.\"io.c.v1.cri\"]\nSystemdCgroup = true\n"},
    {FileFormat::kToml, "[a]\nb.c = 1\n", {"/a/b/c", "2", ValueType::kInteger}, "[a]\nb.c = 2\n"},
    {FileFormat::kToml,
     "x = [\n  'a', # ]\n  'b',\n]\ny = 1\n",
     {"/y", "2", ValueType::kInteger},
     "x = [\n  'a', # ]\n  'b',\n]\ny = 2\n"},
    {FileFormat::kToml,
     "x = \"\"\"\ny = 1\n\"\"\"\ny = 3\n",
     {"/y", "2", ValueType::kInteger},
     "x = \"\"\"\ny = 1\n\"\"\"\ny = 2\n"},
    {FileFormat::kToml, "[a]\n", {"/x", "1", ValueType::kInteger}, "x = 1\n[a]\n"},
    {FileFormat::kToml, "a = {b = 1}\n", {"/a/b", "2"}, "! a is no table of its own"},
    {FileFormat::kToml, "[[a]]\nb = 1\n", {"/a/b", "2"}, "! a is a list of tables"},
    {FileFormat::kToml, "[a.b]\n", {"/a", "2"}, "! is a table"},
    {FileFormat::kToml, "a = [\n1\n]\n", {"/a", "2"}, "! its value goes over several lines"},
    {FileFormat::kToml, "nonsense\n", {"/a", "2"}, "! line 1 is not understood"},
    // INI.
    {FileFormat::kIni,
     "[Service]\nRestart=no\n",
     {"/Service/Restart", "always"},
     "[Service]\nRestart=always\n"},
    {FileFormat::kIni,
     "[Unit]\nA=1\n\n[Service]\nB=2\n",
     {"/Unit/C", "3"},
     "[Unit]\nA=1\nC=3\n\n[Service]\nB=2\n"},
    {FileFormat::kIni, "A = 1\n", {"/A", "2"}, "A = 2\n"},
    {FileFormat::kIni, "[Unit]\n;B=1\n", {"/Service/B", "2"}, "[Unit]\n;B=1\n\n[Service]\nB=2\n"},
    {FileFormat::kIni, "[S]\nA=1\nA=2\n", {"/S/A", "3"}, "! is there more than once"},
    // Text.
    {FileFormat::kText, "a\nb 1\nc\n", {"^b .*$", "b 2"}, "a\nb 2\nc\n"},
    {FileFormat::kText, "b 2\n", {"^b 1$", "b 2"}, "b 2\n"},
    {FileFormat::kText, "a\n", {"^b.*$", "b"}, "! matches no line"},
    {FileFormat::kText, "b1\nb2\n", {"^b.*$", "b"}, "! matches more than one line"},
    {FileFormat::kText, "b1\n", {"^b.*$", "b\nc"}, "! the new line holds a line end"},
};

TEST(FileEdits, ChangeOneValueAndNothingElse) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string(c.before) + " set " + c.set.path + " = " + c.set.value);
    const auto edited = EditContent(c.format, c.before, {c.set});
    const std::string_view want = c.after;
    if (want.starts_with("!")) {
      ASSERT_FALSE(edited.ok()) << *edited;
      EXPECT_NE(std::string(Message(edited.status())).find(want.substr(want.size() > 1 ? 2 : 1)),
                std::string::npos)
          << edited.status();
      continue;
    }
    ASSERT_TRUE(edited.ok()) << edited.status();
    EXPECT_EQ(*edited, want);
    const auto again = EditContent(c.format, *edited, {c.set});
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, want) << "the second time there is nothing to do";
  }
}

TEST(FileEdits, SeveralValuesAtOnce) {
  const auto edited = EditContent(
      FileFormat::kYaml, "kind: KubeletConfiguration\n",
      {{"/kubeAPIQPS", "50", ValueType::kInteger}, {"/kubeAPIBurst", "100", ValueType::kInteger}});
  ASSERT_TRUE(edited.ok()) << edited.status();
  EXPECT_EQ(*edited, "kubeAPIBurst: 100\nkubeAPIQPS: 50\nkind: KubeletConfiguration\n");
}

}  // namespace
}  // namespace kr::agent
