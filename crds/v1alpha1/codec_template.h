#pragma once

#include <string_view>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "crds/meta/json_reader.h"
#include "crds/meta/json_writer.h"
#include "crds/meta/text.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/common.h"

// How FromJson and ToJson are made, for the sources that instantiate them. Root<T> says how a T is
// called, Check(value, path, problems) what a schema cannot say about it.
namespace kr::crds {

// How each T is called in paths; whole objects have a kind instead.
template <typename T>
struct Root;

// Most have no rules over several fields.
template <typename T>
void Check(const T&, const FieldPath&, Problems&) {}

// apiVersion and kind may be missing, as in the elements of some lists, but not be others.
inline void ExpectTypeMeta(JsonReader& reader, const FieldPath& path, std::string_view want_kind,
                           Problems& problems) {
  std::string api_version(kApiVersion);
  std::string kind(want_kind);
  reader.Field("apiVersion", api_version);
  reader.Field("kind", kind);
  if (api_version != kApiVersion) {
    problems.Add(path["apiVersion"], absl::StrCat("expected ", ToAbsl(kApiVersion), ", found \"",
                                                  Truncate(api_version, 60), "\""));
  }
  if (kind != want_kind) {
    problems.Add(path["kind"], absl::StrCat("expected ", ToAbsl(want_kind), ", found \"",
                                            Truncate(kind, 60), "\""));
  }
}

template <typename T>
absl::StatusOr<T> FromJson(const nlohmann::json& json) {
  const FieldPath root(Root<T>::kPath);
  Problems problems;
  T value;
  JsonReader::ReadObject(json, root, problems, [&](JsonReader& reader) {
    if constexpr (!Root<T>::kKind.empty()) {
      ExpectTypeMeta(reader, root, Root<T>::kKind, problems);
    }
    Describe(reader, value);
  });
  // Rules over several fields would only repeat what is already wrong with one of them.
  if (problems.empty()) Check(value, root, problems);
  if (!problems.empty()) return problems.ToStatus();
  return value;
}

template <typename T>
nlohmann::json ToJson(const T& value) {
  nlohmann::json json = nlohmann::json::object();
  if constexpr (!Root<T>::kKind.empty()) {
    json["apiVersion"] = kApiVersion;
    json["kind"] = Root<T>::kKind;
  }
  JsonWriter writer(json);
  Describe(writer, value);
  return json;
}

}  // namespace kr::crds
