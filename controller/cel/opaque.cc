#include "controller/cel/opaque.h"

namespace kr::cel {

const OpaqueType kQuantityType = {"kubernetes.Quantity", false};
const OpaqueType kSemverType = {"kubernetes.Semver", false};
const OpaqueType kIpType = {"net.IP", true};
const OpaqueType kCidrType = {"net.CIDR", true};
const OpaqueType kUrlType = {"kubernetes.URL", false};
const OpaqueType kNameFormatType = {"kubernetes.NamedFormat", false};

const OpaqueType* FindOpaqueType(std::string_view name) {
  for (const OpaqueType* type :
       {&kQuantityType, &kSemverType, &kIpType, &kCidrType, &kUrlType, &kNameFormatType}) {
    if (type->name == name) return type;
  }
  return nullptr;
}

}  // namespace kr::cel
