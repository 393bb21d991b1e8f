#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "crds/meta/duration.h"
#include "crds/v1alpha1/schema_fields.h"
#include "tests/crds/v1alpha1/schema.h"

// The CRDs and the C++ readers say the same: fields both ways, types, bounds, defaults.
namespace kr::crds {
namespace {

using nlohmann::json;

json Optional(const json& schema, const char* key) {
  return schema.contains(key) ? schema[key] : json();
}

json OrNull(size_t bound) {
  return bound == 0 ? json() : json(bound);
}

void ExpectText(const FieldInfo& field, const json& schema) {
  EXPECT_EQ(Optional(schema, "type"), "string");
  EXPECT_EQ(Optional(schema, "maxLength"), OrNull(field.rules.max_length));
  EXPECT_EQ(Optional(schema, "minLength"), OrNull(field.rules.min_length));
  EXPECT_EQ(Optional(schema, "pattern"),
            field.rules.kind == nullptr ? json() : json(field.rules.kind->pattern));
}

void ExpectDuration(const FieldInfo& field, const json& schema) {
  EXPECT_EQ(Optional(schema, "type"), "string");
  const std::string max = "'" + crds::FormatDuration(field.rules.max_duration) + "'";
  std::string rule = "duration(self) <= duration(" + max + ")";
  if (field.rules.min_duration > absl::ZeroDuration()) {
    rule = "duration(self) >= duration('" + crds::FormatDuration(field.rules.min_duration) +
           "') && " + rule;
  }
  EXPECT_EQ(schema["x-kubernetes-validations"][0]["rule"], rule);
}

void ExpectElement(const FieldInfo& field, const json& schema) {
  switch (field.type) {
    case FieldType::kText:
      return ExpectText(field, schema);
    case FieldType::kBool:
      EXPECT_EQ(Optional(schema, "type"), "boolean");
      return;
    case FieldType::kInteger:
      EXPECT_EQ(Optional(schema, "type"), "integer");
      EXPECT_EQ(Optional(schema, "minimum"), field.rules.min);
      EXPECT_EQ(Optional(schema, "maximum"), field.rules.max == 0 ? json() : json(field.rules.max));
      return;
    case FieldType::kDuration:
      return ExpectDuration(field, schema);
    case FieldType::kTime:
      EXPECT_EQ(Optional(schema, "format"), "date-time");
      return;
    case FieldType::kIntOrPercent:
      EXPECT_EQ(Optional(schema, "x-kubernetes-int-or-string"), true);
      EXPECT_NE(schema["x-kubernetes-validations"][0]["rule"].get<std::string>().find(
                    "self >= " + std::to_string(field.rules.min) + " "),
                std::string::npos);
      return;
    case FieldType::kEnum: {
      const json values = Optional(schema, "enum");
      EXPECT_EQ(std::set<std::string>(values.begin(), values.end()),
                std::set<std::string>(field.enum_values.begin(), field.enum_values.end()));
      return;
    }
    case FieldType::kTextMap:
      EXPECT_EQ(Optional(schema["additionalProperties"], "maxLength"), field.rules.max_length);
      EXPECT_EQ(Optional(schema, "maxProperties"), field.rules.max_items);
      EXPECT_EQ(Optional(schema, "minProperties"), OrNull(field.rules.min_items));
      return;
    case FieldType::kFreeForm:
      EXPECT_EQ(Optional(schema, "x-kubernetes-preserve-unknown-fields"), true);
      return;
    case FieldType::kNumber:
      EXPECT_EQ(Optional(schema, "type"), "number");
      return;
    case FieldType::kAnything:
      EXPECT_EQ(Optional(schema, "x-kubernetes-preserve-unknown-fields"), true);
      EXPECT_FALSE(schema.contains("type"));
      return;
    case FieldType::kObject:
      EXPECT_EQ(Optional(schema, "type"), "object");
      return;
  }
}

void ExpectList(const FieldInfo& field, const json& schema) {
  EXPECT_EQ(Optional(schema, "type"), "array");
  EXPECT_EQ(Optional(schema, "maxItems"), OrNull(field.rules.max_items));
  EXPECT_EQ(Optional(schema, "minItems"), OrNull(field.rules.min_items));
  const std::string unique(field.rules.unique_by);
  EXPECT_EQ(Optional(schema, "x-kubernetes-list-type"), unique.empty()  ? "atomic"
                                                        : unique == "*" ? "set"
                                                                        : "map");
  if (!unique.empty() && unique != "*") {
    EXPECT_EQ(schema["x-kubernetes-list-map-keys"], json::array({unique}));
  }
}

void ExpectDefault(const FieldInfo& field, const testing::SchemaField& in_schema) {
  const json value = Optional(in_schema.schema, "default");
  if (value == json::object()) return;  // so that the defaults below it apply
  if (!value.is_null()) {
    EXPECT_EQ(value.dump(), field.default_value);
    EXPECT_FALSE(in_schema.required);
    return;
  }
  // Without a default in the schema, absent means nothing special here either.
  if (in_schema.required || field.list) return;
  const std::set<std::string> nothing = {"", "0", "false", "\"0s\""};
  EXPECT_TRUE(nothing.contains(field.default_value)) << field.default_value;
}

void ExpectSame(const std::string& crd, const std::vector<FieldInfo>& fields) {
  std::map<std::string, const FieldInfo*> known;
  for (const FieldInfo& field : fields) {
    if (field.path != "metadata" && !field.path.starts_with("metadata.")) {
      EXPECT_TRUE(known.emplace(field.path, &field).second) << field.path << " is read twice";
    }
  }
  const json schema = testing::LoadSchema(crd);
  testing::WalkSchema(schema, "", [&](const testing::SchemaField& in_schema) {
    SCOPED_TRACE(in_schema.path);
    auto found = known.find(in_schema.path);
    ASSERT_NE(found, known.end()) << "is in the CRD, and the reader does not know it";
    const FieldInfo& field = *found->second;
    known.erase(found);
    EXPECT_EQ(in_schema.required, field.rules.required);
    if (field.list) {
      ExpectList(field, in_schema.schema);
      ExpectElement(field, in_schema.schema["items"]);
    } else {
      ExpectElement(field, in_schema.schema);
    }
    ExpectDefault(field, in_schema);
  });
  for (const auto& [path, field] : known) {
    ADD_FAILURE() << path << " is read, and the CRD does not have it";
  }
}

TEST(SchemaMatchesTypes, RemediationPolicy) {
  ExpectSame("crds/remediationpolicies.yaml", RemediationPolicyFields());
}

TEST(SchemaMatchesTypes, Remediation) {
  ExpectSame("crds/remediations.yaml", RemediationFields());
}

TEST(SchemaMatchesTypes, TargetBaseline) {
  ExpectSame("crds/targetbaselines.yaml", TargetBaselineFields());
}

TEST(SchemaMatchesTypes, RemediationBudget) {
  ExpectSame("crds/remediationbudgets.yaml", RemediationBudgetFields());
}

TEST(SchemaMatchesTypes, NodeCommand) {
  ExpectSame("crds/nodecommands.yaml", NodeCommandFields());
}

TEST(SchemaMatchesTypes, NodeTask) {
  ExpectSame("crds/nodetasks.yaml", NodeTaskFields());
}

// What makes `kubectl explain` read like documentation, and the static cost of CEL rules finite.
void ExpectDescribedAndBounded(const json& schema, const std::string& path) {
  SCOPED_TRACE(path);
  const json type = Optional(schema, "type");
  if (type == "string" && !schema.contains("enum") && !schema.contains("format")) {
    EXPECT_TRUE(schema.contains("maxLength")) << "has no maxLength";
  }
  if (type == "array") {
    EXPECT_TRUE(schema.contains("maxItems")) << "has no maxItems";
    EXPECT_TRUE(schema.contains("x-kubernetes-list-type")) << "does not say how it is merged";
    ExpectDescribedAndBounded(schema["items"], path + "[]");
  }
  if (schema.contains("additionalProperties")) {
    EXPECT_TRUE(schema.contains("maxProperties")) << "has no maxProperties";
    ExpectDescribedAndBounded(schema["additionalProperties"], path + "{}");
  }
  for (const json& rule : schema.value("x-kubernetes-validations", json::array())) {
    EXPECT_FALSE(rule.value("message", "").empty()) << rule["rule"] << " has no message";
  }
  if (!schema.contains("properties")) return;
  for (const auto& [name, field] : schema["properties"].items()) {
    if (path.empty() && (name == "apiVersion" || name == "kind" || name == "metadata")) continue;
    const std::string description = field.value("description", "");
    EXPECT_GT(description.size(), 5u) << path << "." << name << " has no description";
    EXPECT_TRUE(description.ends_with('.')) << path << "." << name << " is no sentence";
    ExpectDescribedAndBounded(field, path + "." + name);
  }
}

TEST(Schemas, EveryFieldIsDescribedAndBounded) {
  for (const char* crd :
       {"crds/remediationpolicies.yaml", "crds/remediations.yaml", "crds/targetbaselines.yaml",
        "crds/remediationbudgets.yaml", "crds/nodecommands.yaml", "crds/nodetasks.yaml"}) {
    SCOPED_TRACE(crd);
    ExpectDescribedAndBounded(testing::LoadSchema(crd), "");
  }
}

}  // namespace
}  // namespace kr::crds
