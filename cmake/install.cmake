# `cmake --install BUILD --prefix P`: the binary, and what goes with it below P/share.
include(GNUInstallDirs)
set(KL_INSTALL_DATADIR ${CMAKE_INSTALL_DATADIR}/kalua)
install(TARGETS kalua RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES docs/kalua.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md" PATTERN generate EXCLUDE PATTERN site EXCLUDE)
install(DIRECTORY scripts/examples DESTINATION ${CMAKE_INSTALL_DOCDIR}/scripts FILES_MATCHING PATTERN "*.lua" PATTERN "*.md")
# Declarations for the Lua language server; its setting workspace.library is to name this folder.
install(DIRECTORY lua/types DESTINATION ${KL_INSTALL_DATADIR} FILES_MATCHING PATTERN "*.lua")
install(FILES completions/kalua.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME kalua)
install(FILES completions/_kalua DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES completions/kalua.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
# The manual as a site, where scripts/docs has made one.
install(DIRECTORY build/site/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/html OPTIONAL PATTERN ".doctrees" EXCLUDE PATTERN ".buildinfo" EXCLUDE)
# The unit names the binary by the prefix, which is known only now. Two installs at a time do not share a file.
install(
  CODE "get_filename_component(KL_BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\" ABSOLUTE)
string(MD5 KL_UNIT_FOLDER \"\$ENV{DESTDIR}\${KL_BINDIR}\")
set(KL_UNIT_FOLDER \"${CMAKE_BINARY_DIR}/units/\${KL_UNIT_FOLDER}\")
configure_file(\"${CMAKE_SOURCE_DIR}/cmake/kalua@.service.in\" \"\${KL_UNIT_FOLDER}/kalua@.service\" @ONLY)
file(INSTALL \"\${KL_UNIT_FOLDER}/kalua@.service\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/user\")
file(REMOVE_RECURSE \"\${KL_UNIT_FOLDER}\")")
