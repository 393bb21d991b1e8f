#include "reconcilers/policy/reads.h"

namespace kr::policy {

using document::Depth;
using document::Path;
using document::Step;

std::vector<Path> PathsOf(const std::vector<cel::Read>& reads, std::string_view variable) {
  std::vector<Path> paths;
  for (const cel::Read& read : reads) {
    if (read.variable == variable) paths.push_back(read.path);
  }
  return paths;
}

std::vector<Path> PathsOfRelated(const std::vector<cel::Read>& reads, std::string_view join) {
  std::vector<Path> paths;
  for (const cel::Read& read : reads) {
    if (read.variable != "related") continue;
    const std::vector<Step>& steps = read.path.steps;
    if (steps.empty()) {
      paths.push_back(Path{});
      continue;
    }
    if (steps[0].kind == Step::Kind::kField && steps[0].field != join) continue;
    if (steps.size() == 1) {
      // Presence of the list says nothing about its objects.
      if (read.path.depth == Depth::kValue) paths.push_back(Path{});
      continue;
    }
    paths.push_back(Path{{steps.begin() + 2, steps.end()}, read.path.depth});
  }
  return paths;
}

Path FieldPath(std::initializer_list<const char*> fields) {
  Path path;
  for (const char* field : fields) path.steps.push_back(Step::Field(field));
  return path;
}

bool ReadsField(const std::vector<cel::Read>& reads, std::string_view variable,
                std::string_view field) {
  for (const cel::Read& read : reads) {
    if (read.variable != variable) continue;
    const std::vector<Step>& steps = read.path.steps;
    if (steps.empty() || steps[0].kind == Step::Kind::kEach || steps[0].field == field) return true;
  }
  return false;
}

}  // namespace kr::policy
