#!/bin/sh
# Makes the layer with its manifest, which is enough for AMD, in .cache/gpu-compilers or where OUT says. An argument makes the other parts,
# from Mesa's sources:
#   intel    the shim that shows Mesa's Intel driver a GPU (246 files, 1 to 3 minutes)
#   adreno   driver and shim (622 files, 5 to 15 minutes)
#   mali     driver and shim (753 files, 2 to 10 minutes)
#   nvidia   the shim (a minute); the driver, which is written in Rust, comes built out of a newer Debian's package
# Installs what is missing with apt (Debian 12; as root).
set -eu
cd "$(dirname "$0")"
here=$PWD
OUT=${OUT:-$here/../../.cache/gpu-compilers}
mkdir -p "$OUT"
cd "$OUT"
OUT=$PWD
[ -e /usr/include/vulkan/vk_layer.h ] || apt-get install -y --no-install-recommends libvulkan-dev
cp "$here/layer.json" .
${CC:-cc} -shared -fPIC -O1 -Wall -Wextra -Wno-missing-field-initializers -o libcompile_only.so "$here/layer.c"

gallium= driver=
case "${1:-}" in
  intel) vulkan=intel_hasvk tools=drm-shim,intel made=src/intel/tools/libintel_noop_drm_shim.so ;; # the one driver that needs no LLVM
  adreno) vulkan=freedreno tools=drm-shim driver=freedreno made='src/freedreno/vulkan/libvulkan_freedreno.so src/freedreno/drm-shim/libfreedreno_noop_drm_shim.so' ;;
  mali) vulkan=panfrost tools=drm-shim driver=panfrost made='src/panfrost/vulkan/libvulkan_panfrost.so src/panfrost/drm-shim/libpanfrost_noop_drm_shim.so' ;;
  nvidia) vulkan= gallium=nouveau tools=drm-shim made=src/nouveau/drm-shim/libnouveau_noop_drm_shim.so ;;
  *) exit 0 ;;
esac
# libdrm-dev as new as the installed libdrm2 (bookworm: -t bookworm-backports).
apt-get install -y --no-install-recommends libdrm-dev bison flex pkg-config zlib1g-dev libexpat1-dev ninja-build glslang-tools
[ -d venv ] || python3 -m venv venv
PATH="$OUT/venv/bin:$PATH" # Mesa's scripts take this Python
pip -q install meson mako pyyaml packaging
# Mesa's sources, in the version of the installed driver: MESA names the folder, or else apt gets them (with a deb-src line).
if [ -z "${MESA:-}" ]; then
  apt-get source --download-only mesa || true
  tar xf mesa_*.orig.tar.xz
  MESA=$(ls -d "$OUT"/mesa-[0-9]*/)
fi

if [ "$1" = mali ]; then
  # What Arm's driver has and Mesa 25.0 does not offer: f16, subgroups (Dawn asks for both stages), on Bifrost what Dawn needs at all.
  device="$MESA/src/panfrost/vulkan/panvk_physical_device.c"
  sed -i -e 's/\.shaderFloat16 = false/.shaderFloat16 = true/' -e 's/\.shaderSubgroupExtendedTypes = false/.shaderSubgroupExtendedTypes = true/' \
    -e 's/\.fragmentStoresAndAtomics = arch >= 10/.fragmentStoresAndAtomics = true/' -e 's/\.EXT_subgroup_size_control = arch >= 10/.EXT_subgroup_size_control = true/' \
    -e 's/\.subgroupSupportedStages = VK_SHADER_STAGE_COMPUTE_BIT,/.subgroupSupportedStages = VK_SHADER_STAGE_COMPUTE_BIT | VK_SHADER_STAGE_FRAGMENT_BIT,/' "$device"
  grep -q 'KHR_shader_subgroup_extended_types = true' "$device" || sed -i 's/^\( *\)\.KHR_shader_subgroup_rotate = true,/\1.KHR_shader_subgroup_extended_types = true,\n&/' "$device"
fi

if [ "$1" = nvidia ]; then
  # The device that Dawn takes it for: Ampere (10de:2206), not the shim's Kepler.
  sed -i -e 's/0x1004/0x2206/; s/10de:1004/10de:2206/' "$MESA/src/nouveau/drm-shim/nouveau_noop.c"
  # NVK and the C library that it needs: trixie's, unpacked, not installed.
  root="$OUT/trixie"
  mkdir -p "$root/apt/lists/partial" "$root/apt/archives/partial" "$root/debs"
  archive=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources | head -n 1)
  for suite in trixie trixie-backports; do echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $suite main"; done > "$root/apt/sources.list"
  touch "$root/apt/status"
  printf '%s\n' "Dir::State \"$root/apt\";" "Dir::State::status \"$root/apt/status\";" "Dir::Cache \"$root/apt\";" "Dir::Etc::SourceList \"$root/apt/sources.list\";" \
    'Dir::Etc::SourceParts "/dev/null";' 'Dir::Etc::Preferences "/dev/null";' 'Dir::Etc::PreferencesParts "/dev/null";' > "$root/apt/apt.conf"
  (
    export APT_CONFIG="$root/apt/apt.conf"
    apt-get update
    cd "$root/debs"
    apt-get download mesa-vulkan-drivers/trixie-backports libc6 libgcc-s1 libstdc++6 libdrm2 libexpat1 zlib1g libzstd1 libxcb1 libxcb-dri3-0 libxcb-present0 libxcb-randr0 libxcb-shm0 \
      libxcb-sync1 libxcb-xfixes0 libx11-xcb1 libx11-6 libxau6 libxdmcp6 libbsd0 libmd0 libxshmfence1 libwayland-client0 libffi8 libdisplay-info2
    for deb in *.deb; do dpkg-deb --fsys-tarfile "$deb" | tar x -C "$root" --wildcards './usr/lib/x86_64-linux-gnu/*.so*'; done
  )
  rm -rf "$root/apt" "$root/debs"
  (cd "$root/usr/lib/x86_64-linux-gnu" && ls libvulkan_*.so | grep -v nouveau | xargs rm)
  echo '{ "file_format_version": "1.0.0", "ICD": { "api_version": "1.4.305", "library_path": "./usr/lib/x86_64-linux-gnu/libvulkan_nouveau.so" } }' > "$root/nouveau_icd.json"
fi

off=$(printf -- '-D%s=disabled ' glx egl gbm llvm gles1 gles2 zstd libunwind valgrind lmsensors xmlconfig)
[ "$1" = intel ] || off=$(echo "$off" | sed s/-Dxmlconfig=disabled//)
meson setup "mesa-for-$1" "$MESA" -Dvulkan-drivers="$vulkan" -Dtools="$tools" -Dgallium-drivers="$gallium" -Dplatforms= -Dvulkan-layers= -Dvideo-codecs= -Dopengl=false -Dbuildtype=release $off
ninja -C "mesa-for-$1" -j"${JOBS:-2}" $made
(cd "mesa-for-$1" && cp $made ..)
[ -z "$driver" ] || echo "{ \"file_format_version\": \"1.0.0\", \"ICD\": { \"api_version\": \"1.3.305\", \"library_path\": \"./libvulkan_$driver.so\" } }" > "${driver}_icd.json"
