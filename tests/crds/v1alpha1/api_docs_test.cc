#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "tests/crds/v1alpha1/schema.h"

// docs/api.md has a table of every field, made from the CRDs. After a change of a CRD,
// KR_UPDATE_DOCS=1 makes this test write the tables anew.
namespace kr::testing {
namespace {

using nlohmann::json;

const std::string kDocs = std::string(KR_SOURCE_DIR) + "/docs/api.md";

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool IsDuration(const json& schema) {
  return schema.value("pattern", "").ends_with("(h|ms|m|s))+)$");
}

std::string TypeOf(const json& schema) {
  if (schema.contains("x-kubernetes-int-or-string")) return "number or share";
  if (schema.contains("x-kubernetes-preserve-unknown-fields")) {
    return schema.contains("type") ? "free-form object" : "any value";
  }
  if (schema.contains("additionalProperties")) return "map of texts";
  const std::string type = schema.value("type", "");
  if (type == "array") return "list of " + TypeOf(schema["items"]) + "s";
  if (schema.contains("enum")) {
    std::string values;
    for (const json& value : schema["enum"]) {
      values += (values.empty() ? "" : ", ") + value.get<std::string>();
    }
    return values;
  }
  if (IsDuration(schema)) return "duration";
  if (schema.value("format", "") == "date-time") return "time";
  if (schema.contains("maximum")) {
    return "integer " + schema["minimum"].dump() + " to " + schema["maximum"].dump();
  }
  return type == "string" ? "text" : type;
}

// Markdown would take these for a column and a tag.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    if (c == '|') escaped += '\\';
    c == '<' ? escaped += "&lt;" : escaped += c;
  }
  return escaped;
}

std::string Table(const std::string& crd) {
  std::string table;
  WalkSchema(LoadSchema(crd), "", [&](const SchemaField& field) {
    // The parts of a label selector are those of Kubernetes, and said once.
    if (field.path.find("elector.match") != std::string::npos) return;
    const size_t depth = static_cast<size_t>(std::count(field.path.begin(), field.path.end(), '.'));
    if (depth == 0) {
      table += "\n### " + field.path + "\n\n" + field.schema["description"].get<std::string>() +
               "\n\n| field | type | meaning |\n|---|---|---|\n";
      return;
    }
    std::string meaning = field.schema["description"];
    if (field.required) meaning = "Required. " + meaning;
    if (const json value = field.schema.value("default", json());
        value.is_primitive() && !value.is_null()) {
      meaning += " Default: " + (value.is_string() ? value.get<std::string>() : value.dump()) + ".";
    }
    table += "| `" + field.path.substr(field.path.find('.') + 1) + "` | " + TypeOf(field.schema) +
             " | " + Escaped(meaning) + " |\n";
  });
  return table + "\n";
}

// `text` with what stands between the markers of `crd` replaced by its table.
std::string WithTable(const std::string& text, const std::string& crd) {
  const std::string begin = "<!-- fields: " + crd + " -->\n";
  const std::string end = "<!-- end of fields -->";
  const size_t from = text.find(begin);
  const size_t to = text.find(end, from);
  if (from == std::string::npos || to == std::string::npos) {
    ADD_FAILURE() << "docs/api.md has no place for the fields of " << crd;
    return text;
  }
  return text.substr(0, from + begin.size()) + Table(crd) + text.substr(to);
}

TEST(ApiDocs, DescribeEveryField) {
  const std::string text = ReadFile(kDocs);
  std::string want = text;
  for (const char* crd :
       {"crds/remediationpolicies.yaml", "crds/remediations.yaml", "crds/targetbaselines.yaml",
        "crds/remediationbudgets.yaml", "crds/nodecommands.yaml", "crds/nodetasks.yaml"}) {
    want = WithTable(want, crd);
  }
  if (std::getenv("KR_UPDATE_DOCS") != nullptr) {
    std::ofstream(kDocs) << want;
    return;
  }
  EXPECT_TRUE(text == want) << "docs/api.md is older than the CRDs: run this test with "
                               "KR_UPDATE_DOCS=1";
}

TEST(ApiDocs, NameEveryReasonOfTheHeader) {
  // The list is closed and people meet it in `kubectl get`.
  const std::string docs = ReadFile(kDocs);
  const std::string header = ReadFile(std::string(KR_SOURCE_DIR) + "/crds/v1alpha1/reasons.h");
  size_t found = 0;
  for (size_t at = 0; (at = header.find("= \"", at)) != std::string::npos; ++found) {
    at += 3;
    const std::string reason = header.substr(at, header.find('"', at) - at);
    EXPECT_NE(docs.find("`" + reason + "`"), std::string::npos) << reason;
  }
  EXPECT_GT(found, 40u);
}

}  // namespace
}  // namespace kr::testing
