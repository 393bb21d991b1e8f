#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/document/document.h"
#include "crds/meta/label_selector.h"

namespace kr::policy {

// Finds the values whose label selector may match an object, by one label that the selector wants
// to have a certain value. What it finds is a candidate. Not thread-safe.
template <typename Value>
class LabelIndex {
 public:
  // Whether the selector wants such a label, so that a value can be added with it.
  static bool Takes(const crds::LabelSelector& selector) { return WantOf(selector).has_value(); }

  void Add(const crds::LabelSelector& selector, const Value& value) {
    ForEachList(selector, [&](std::vector<Value>& list) { list.push_back(value); });
  }
  void Remove(const crds::LabelSelector& selector, const Value& value) {
    ForEachList(selector, [&](std::vector<Value>& list) { std::erase(list, value); });
  }

  // The candidates of an object as it was or as it is, each once; either may be null. `visit` must
  // not change the index.
  template <typename Visit>
  void ForEach(const document::Document* before, const document::Document* after,
               Visit visit) const {
    if (keys_.empty()) return;
    const document::Node labels_before = LabelsOf(before);
    const document::Node labels_after = LabelsOf(after);
    std::string scratch;
    for (const auto& [key, lists] : keys_) {
      const std::vector<Value>* was = ListOf(lists, key, labels_before, scratch);
      const std::vector<Value>* is = ListOf(lists, key, labels_after, scratch);
      if (is != nullptr) {
        for (const Value& value : *is) visit(value);
      }
      if (was == nullptr || was == is) continue;
      for (const Value& value : *was) {
        const bool seen = is != nullptr && std::find(is->begin(), is->end(), value) != is->end();
        if (!seen) visit(value);
      }
    }
  }

 private:
  struct Want {
    std::string key;
    std::vector<std::string> values;
  };
  using ByText = std::map<std::string, std::vector<Value>, std::less<>>;

  static std::optional<Want> WantOf(const crds::LabelSelector& selector) {
    if (!selector.match_labels.empty()) {
      const auto& [key, value] = *selector.match_labels.begin();
      return Want{key, {value}};
    }
    for (const auto& requirement : selector.match_expressions) {
      if (requirement.op == crds::LabelSelector::Operator::kIn) {
        return Want{requirement.key, requirement.values};
      }
    }
    return std::nullopt;
  }

  template <typename Visit>
  void ForEachList(const crds::LabelSelector& selector, Visit visit) {
    const std::optional<Want> want = WantOf(selector);
    if (!want) return;
    for (const std::string& value : want->values) visit(keys_[want->key][value]);
  }

  static document::Node LabelsOf(const document::Document* object) {
    return object == nullptr ? document::Node() : object->At("metadata.labels");
  }
  static const std::vector<Value>* ListOf(const ByText& lists, const std::string& key,
                                          const document::Node& labels, std::string& scratch) {
    const document::Node label = labels.Field(key);
    if (!label.is_string()) return nullptr;
    const auto list = lists.find(label.AsString(scratch));
    return list == lists.end() ? nullptr : &list->second;
  }

  std::map<std::string, ByText> keys_;
};

}  // namespace kr::policy
