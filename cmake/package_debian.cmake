# Runs in cpack between the installation into its folder and the making of the package: the form that Debian's policy asks for.
cmake_minimum_required(VERSION 3.25)
set(root "${CPACK_TEMPORARY_INSTALL_DIRECTORY}")
set(doc "${root}/usr/share/doc/kalua")

# `gzip -n`: neither the name nor the time of the file.
function(kl_gzip file)
  execute_process(COMMAND gzip -9nf "${file}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The times of everything: those of the commit, as scripts/package says, or now.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  set(epoch $ENV{SOURCE_DATE_EPOCH})
else()
  string(TIMESTAMP epoch %s UTC)
endif()

kl_gzip("${root}/usr/share/man/man1/kalua.1")

# Licences.
file(REMOVE "${doc}/LICENSE")
execute_process(
  COMMAND "${KL_LUA}" "${KL_SOURCE_DIR}/packaging/debian_files.lua" "${KL_SOURCE_DIR}" "${doc}" "${CPACK_PACKAGE_VERSION}"
          "${CPACK_DEBIAN_PACKAGE_RELEASE}" "${CPACK_DEBIAN_PACKAGE_MAINTAINER}" "${epoch}" COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${doc}/CHANGELOG.md" "${doc}/changelog")
kl_gzip("${doc}/changelog")
kl_gzip("${doc}/changelog.Debian")

# Where zsh looks for what packages bring.
file(MAKE_DIRECTORY "${root}/usr/share/zsh/vendor-completions")
file(RENAME "${root}/usr/share/zsh/site-functions/_kalua" "${root}/usr/share/zsh/vendor-completions/_kalua")
file(REMOVE_RECURSE "${root}/usr/share/zsh/site-functions")
# Examples stay where the pages link to them, and are where one looks for them.
file(CREATE_LINK scripts/examples "${doc}/examples" SYMBOLIC)

# Modes do not depend on the umask of who packs, nor on what a checkout made of them.
file(GLOB_RECURSE all LIST_DIRECTORIES true "${root}/usr/*")
list(INSERT all 0 "${root}/usr")
foreach(path ${all})
  if(IS_SYMLINK "${path}")
    continue()
  elseif(IS_DIRECTORY "${path}" OR path STREQUAL "${root}/usr/bin/kalua")
    file(CHMOD "${path}" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  else()
    file(CHMOD "${path}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  endif()
endforeach()
execute_process(COMMAND find "${root}" -exec touch -h -d "@${epoch}" "{}" + COMMAND_ERROR_IS_FATAL ANY)

# The libraries that the program names, with the versions whose functions it uses, and what it opens only as it runs. cpack's
# own way, CPACK_DEBIAN_PACKAGE_SHLIBDEPS, would first ask of each page what kind of file it is: seconds for one program.
set(shlibdeps "${CPACK_TOPLEVEL_DIRECTORY}/shlibdeps")
file(WRITE "${shlibdeps}/debian/control" "") # it will not run without one
execute_process(
  COMMAND dpkg-shlibdeps -O "${root}/usr/bin/kalua"
  WORKING_DIRECTORY "${shlibdeps}"
  OUTPUT_VARIABLE depends
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT depends MATCHES "^shlibs:Depends=(.+)$")
  message(FATAL_ERROR "dpkg-shlibdeps found no library: ${depends}")
endif()
set(CPACK_DEBIAN_PACKAGE_DEPENDS "${CMAKE_MATCH_1}, ca-certificates, libwebsockets-evlib-uv")
