; SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
; The Windows agent's installer: one file. Asks for one thing, the enrolment command that the console shows; with
; /S "/ENROL=enrol --server … --events … --token …" it asks nothing.
; makensis -DVERSION=… -DAGENT=luytre-agent.exe -DOUT=… agent.nsi
Unicode true
SetCompressor /SOLID lzma
!include MUI2.nsh
!include FileFunc.nsh
!include x64.nsh
!include nsDialogs.nsh

Name "Lũy Tre"
OutFile "${OUT}"
InstallDir "$PROGRAMFILES64\Luytre"
RequestExecutionLevel admin
ManifestSupportedOS all
VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "Lũy Tre"
VIAddVersionKey "FileDescription" "Lũy Tre agent"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "GPL-2.0-or-later"

Var Enrol
Var Field

Page custom ask_enrol take_enrol
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "Vietnamese"
!insertmacro MUI_LANGUAGE "English"

LangString PASTE ${LANG_VIETNAMESE} "Dán dòng lệnh ghi danh mà trang “Cài máy mới” của Lũy Tre đưa ra:"
LangString PASTE ${LANG_ENGLISH} "Paste the enrolment command that the page “Add a machine” of Lũy Tre shows:"
LangString NEEDED ${LANG_VIETNAMESE} "Chưa có dòng lệnh ghi danh. Dòng này bắt đầu bằng “luytre-agent enrol”."
LangString NEEDED ${LANG_ENGLISH} "The enrolment command is missing. It begins with “luytre-agent enrol”."
LangString FAILED ${LANG_VIETNAMESE} "Không ghi danh được (mã $0). Kiểm tra mạng và hạn của mã ghi danh, rồi chạy lại tệp này."
LangString FAILED ${LANG_ENGLISH} "The enrolment failed (code $0). Check the network and whether the token has expired, then run this file again."
LangString BITS ${LANG_VIETNAMESE} "Cần Windows 64 bit."
LangString BITS ${LANG_ENGLISH} "A 64-bit Windows is needed."

Function .onInit
	${GetParameters} $0
	${GetOptions} $0 "/ENROL=" $Enrol
	${IfNot} ${RunningX64}
		MessageBox MB_ICONSTOP "$(BITS)" /SD IDOK
		Abort
	${EndIf}
	SetRegView 64
	SetShellVarContext all
FunctionEnd

; An upgrade has nothing to ask: the machine is enrolled.
Function ask_enrol
	${If} ${FileExists} "$APPDATA\Luytre\identity.json"
	${OrIf} $Enrol != ""
		Abort
	${EndIf}
	nsDialogs::Create 1018
	Pop $0
	${NSD_CreateLabel} 0 0 100% 24u "$(PASTE)"
	Pop $0
	${NSD_CreateText} 0 28u 100% 14u ""
	Pop $Field
	SendMessage $Field ${EM_LIMITTEXT} 1000 0
	nsDialogs::Show
FunctionEnd

Function take_enrol
	${NSD_GetText} $Field $Enrol
	StrCpy $0 $Enrol 13
	${If} $0 != "luytre-agent "
		MessageBox MB_ICONEXCLAMATION "$(NEEDED)" /SD IDOK
		Abort
	${EndIf}
	StrCpy $Enrol $Enrol "" 13
FunctionEnd

Section
	nsExec::Exec 'sc.exe stop LuytreAgent'
	Pop $0
	Sleep 3000
	SetOutPath "$INSTDIR"
	File "/oname=luytre-agent.exe" "${AGENT}"
	WriteUninstaller "$INSTDIR\uninstall.exe"
	WriteRegStr HKLM "Software\Microsoft\Windows\CurrentVersion\Uninstall\Luytre" "DisplayName" "Lũy Tre"
	WriteRegStr HKLM "Software\Microsoft\Windows\CurrentVersion\Uninstall\Luytre" "DisplayVersion" "${VERSION}"
	WriteRegStr HKLM "Software\Microsoft\Windows\CurrentVersion\Uninstall\Luytre" "UninstallString" '"$INSTDIR\uninstall.exe"'
	${IfNot} ${FileExists} "$APPDATA\Luytre\identity.json"
		nsExec::ExecToLog '"$INSTDIR\luytre-agent.exe" $Enrol'
		Pop $0
		${If} $0 != 0
			MessageBox MB_ICONSTOP "$(FAILED)" /SD IDOK
			SetErrorLevel 1
			Abort
		${EndIf}
	${EndIf}
	nsExec::Exec 'sc.exe create LuytreAgent binPath= "\"$INSTDIR\luytre-agent.exe\" run" start= auto DisplayName= "Luy Tre"'
	Pop $0
	nsExec::Exec 'sc.exe failure LuytreAgent reset= 86400 actions= restart/5000/restart/5000/restart/60000'
	Pop $0
	nsExec::Exec 'sc.exe start LuytreAgent'
	Pop $0
SectionEnd

; Identity, quarantine and signatures in ProgramData stay.
Section Uninstall
	SetRegView 64
	nsExec::Exec 'sc.exe stop LuytreAgent'
	Pop $0
	Sleep 3000
	nsExec::Exec 'sc.exe delete LuytreAgent'
	Pop $0
	Delete "$INSTDIR\luytre-agent.exe"
	Delete "$INSTDIR\uninstall.exe"
	RMDir "$INSTDIR"
	DeleteRegKey HKLM "Software\Microsoft\Windows\CurrentVersion\Uninstall\Luytre"
SectionEnd
