import sys, xml.etree.ElementTree as E
for c in E.parse(sys.argv[1]).iter("testcase"):
    f = c.find("failure")
    if f is None: f = c.find("error")
    if f is not None:
        print("*", c.get("name").partition("[")[2][:-1] or c.get("name"), "=>", (f.get("message") or "").split("\nassert")[0][:430])
