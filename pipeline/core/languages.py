"""Language tags (BCP 47) and codes (ISO 639) of one language, reduced to one code."""

import re

# By each code of ISO 639-1: the other codes of the language, from ISO 639-2, -3 and earlier use.
_OTHERS = (
    "aa:aar ab:abk ae:ave af:afr ak:aka,fat,twi am:amh an:arg ar:ara,arb as:asm av:ava "
    "ay:aym,ayr az:aze,azj ba:bak be:bel bg:bul bi:bis bm:bam bn:ben bo:bod,tib br:bre bs:bos "
    "ca:cat ce:che ch:cha co:cos cr:cre cs:ces,cze cu:chu cv:chv cy:cym,wel da:dan de:deu,ger "
    "dv:div dz:dzo ee:ewe el:ell,gre en:eng eo:epo es:spa et:ekk,est eu:baq,eus "
    "fa:fas,per,pes,prs ff:ful fi:fin fj:fij fo:fao fr:fra,fre fy:fry ga:gle gd:gla gl:glg "
    "gn:grn,gug gu:guj gv:glv ha:hau he:heb,iw hi:hin ho:hmo hr:hrv,scr ht:hat hu:hun "
    "hy:arm,hye hz:her ia:ina id:in,ind ie:ile ig:ibo ii:iii ik:ipk io:ido is:ice,isl it:ita "
    "iu:iku ja:jpn jv:jav,jaw,jw ka:geo,kat kg:kon ki:kik kj:kua kk:kaz kl:kal km:khm kn:kan "
    "ko:kor kr:kau ks:kas ku:kmr,kur kv:kom kw:cor ky:kir la:lat lb:ltz lg:lug li:lim ln:lin "
    "lo:lao lt:lit lu:lub lv:lav,lvs mg:mlg,plt mh:mah mi:mao,mri mk:mac,mkd ml:mal mn:khk,mon "
    "mr:mar ms:may,msa,zsm mt:mlt my:bur,mya na:nau nb:nob nd:nde ne:nep,npi ng:ndo nl:dut,nld "
    "nn:nno no:nor nr:nbl nv:nav ny:nya oc:oci oj:oji om:orm or:ori,ory os:oss pa:pan pi:pli "
    "pl:pol ps:pbu,pus pt:por qu:que,quz rm:roh rn:run ro:mo,mol,ron,rum ru:rus rw:kin sa:san "
    "sc:srd sd:snd se:sme sg:sag si:sin sk:slk,slo sl:slv sm:smo sn:sna so:som sq:alb,als,sqi "
    "sr:scc,srp ss:ssw st:sot su:sun sv:swe sw:swa,swh ta:tam te:tel tg:tgk th:tha ti:tir "
    "tk:tuk tl:fil,tgl tn:tsn to:ton tr:tur ts:tso tt:tat ty:tah ug:uig uk:ukr ur:urd "
    "uz:uzb,uzn ve:ven vi:vie vo:vol wa:wln wo:wol xh:xho yi:ji,ydd,yid yo:yor za:zha "
    "zh:chi,cmn,zho zu:zul"
)
_SHORT = {
    other: short
    for short, _, others in (entry.partition(":") for entry in _OTHERS.split())
    for other in others.split(",")
}
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8})*")
_NONE = frozenset({"und", "mis", "mul", "zxx", "qaa"})


def code(tag: str | None) -> str | None:
    """Return the shortest ISO 639 code of a tag's language: ``de`` for ``DE``, ``de-AT``, ``ger``.

    Returns:
        None for text that is not a tag, and for tags that name no language, such as ``und``.
    """
    found = _TAG.fullmatch((tag or "").strip())
    if not found:
        return None
    primary = found[1].lower()
    return None if primary in _NONE else _SHORT.get(primary, primary)
