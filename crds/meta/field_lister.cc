#include "crds/meta/field_lister.h"

#include "crds/meta/duration.h"

namespace kr::crds {

std::string FieldLister::DefaultText(bool value) {
  return value ? "true" : "false";
}

std::string FieldLister::DefaultText(int64_t value) {
  return std::to_string(value);
}

std::string FieldLister::DefaultText(absl::Duration value) {
  return '"' + crds::FormatDuration(value) + '"';
}

std::string FieldLister::DefaultText(const std::string& value) {
  return value.empty() ? "" : '"' + value + '"';
}

std::string FieldLister::DefaultText(const IntOrPercent& value) {
  return value.percent ? '"' + value.ToString() + '"' : value.ToString();
}

}  // namespace kr::crds
