#include "controller/document/projection.h"

#include <algorithm>
#include <array>

#include "controller/document/trie.h"

namespace kr::document {
namespace {

constexpr std::string_view kMetadata = "metadata";
constexpr std::string_view kManagedFields = "managedFields";
constexpr std::array<std::string_view, 4> kIdentity = {"name", "namespace", "resourceVersion",
                                                       "uid"};

// Identity in, managedFields out. `root` is in normal form afterwards.
void ApplyFixedRules(TrieNode& root) {
  for (const std::string_view field : kIdentity) root.Child(kMetadata).Child(field).whole = true;
  root.Normalize();
  // Normalizing drops a child that the rest of the node implies; this one needs to be explicit.
  TrieNode& metadata = root.Child(kMetadata);
  if (root.open()) metadata.Merge(*root.Element());
  metadata.Normalize();
  if (metadata.open()) {
    TrieNode& managed = metadata.Child(kManagedFields);
    managed = TrieNode();
    managed.dropped = true;
  } else {
    std::erase_if(metadata.children,
                  [](const auto& child) { return child.first == kManagedFields; });
  }
}

bool IsIdentity(const Path& path) {
  return path.steps.size() == 2 && path.steps[0] == Step::Field(std::string(kMetadata)) &&
         std::find(kIdentity.begin(), kIdentity.end(), path.steps[1].field) != kIdentity.end();
}

// The paths of `node` that are not already said by `implied` (what the parent's `each` keeps).
void Collect(const TrieNode& node, const TrieNode* implied, Path& at,
             std::vector<std::string>& paths) {
  if (node.dropped || (implied != nullptr && implied->Covers(node))) return;
  const bool leaf = node.children.empty() && !node.each;
  if (node.whole || leaf) {
    at.depth = node.whole ? Depth::kValue : Depth::kPresence;
    if (!IsIdentity(at)) paths.push_back(at.ToString());
    return;
  }
  for (const auto& [key, child] : node.children) {
    const TrieNode* said = implied != nullptr ? implied->Field(key) : nullptr;
    at.steps.push_back(Step::Field(key));
    Collect(*child, node.each ? node.each.get() : said, at, paths);
    at.steps.pop_back();
  }
  if (node.each) {
    at.steps.push_back(Step::Each());
    Collect(*node.each, implied != nullptr ? implied->Element() : nullptr, at, paths);
    at.steps.pop_back();
  }
}

}  // namespace

Projection::Projection(std::unique_ptr<TrieNode> root) : root_(std::move(root)) {}
Projection::~Projection() = default;

Projection::Ptr Projection::Everything() {
  static const Ptr everything = Of(std::array{Path{}});
  return everything;
}

Projection::Ptr Projection::Of(std::span<const Path> paths) {
  auto root = std::make_unique<TrieNode>();
  for (const Path& path : paths) root->Add(path);
  ApplyFixedRules(*root);
  return Ptr(new Projection(std::move(root)));
}

bool Projection::Covers(const Projection& other) const {
  return root_->Covers(*other.root_);
}

bool Projection::Covers(const Path& path) const {
  const TrieNode* node = root_.get();
  for (const Step& step : path.steps) {
    node = step.kind == Step::Kind::kField ? node->Field(step.field) : node->Element();
    if (node == nullptr) return false;
  }
  return path.depth == Depth::kPresence || node->whole;
}

bool Projection::MetadataOnly() const {
  return !root_->open() && std::all_of(root_->children.begin(), root_->children.end(),
                                       [](const auto& child) { return child.first == kMetadata; });
}

std::vector<std::string> Projection::Paths() const {
  std::vector<std::string> paths;
  Path at;
  Collect(*root_, nullptr, at, paths);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace kr::document
