print("cegzsl")
